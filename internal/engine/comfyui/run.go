package comfyui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// run is one prompt of ours in ComfyUI.
type run struct {
	e      *Engine
	job    engine.Job
	out    engine.Sink
	id     string // of the prompt in ComfyUI
	client string // of the socket
	epoch  int
	graph  *graph
	known  *classes
	salt   string
	inputs *staging
	terms  *terms

	socket  *socket
	reused  bool          // it was there before
	over    chan struct{} // closed when the socket has brought the end
	plain   atomic.Bool   // no node was cached: frames tell all
	early   chan early    // the answer for the history entry, asked for when the end came; nil: it was not
	redial  time.Time     // when to try again; zero: connected
	sound   bool          // no frame can have been lost
	left    func()        // the prompt is in ComfyUI no more
	began   bool          // execution_start went out
	told    bool          // execution_cached went out
	ended   bool          // a frame said that it is over
	success bool          // execution_success was heard
	ending  pyjson.Value
	kind    string // type of ending

	at        place  // where it was seen last; pending once it is posted
	current   string // node of the newest executing or progress
	ran       map[string]bool
	cached    map[string]bool
	families  map[string]family // of nodes, from progress_state
	delivered map[string]bool
	collected map[settee.File]kept
	twins     map[string]string // raw output to the node that made it
	fetched   []settee.File
	files     context.Context // of downloads: ends soon after the job was asked to stop
	posted    time.Time       // by the clock of the server's files
	heard     time.Time       // the newest sign of life of the prompt
}

// early is an answer that was asked for before it was needed.
type early struct {
	entry *entry
	err   error
}

// family is what progress_state says of a node.
type family struct{ display, parent, real string }

// Run runs one job to its end. See engine.Engine.
func (e *Engine) Run(ctx context.Context, job engine.Job, out engine.Sink) error {
	delivered := map[string]bool{}
	err := e.try(ctx, job, out, job.ID, delivered)
	if failure, ok := errors.AsType[*engine.Failure](err); ok && outOfMemory(failure) && ctx.Err() == nil {
		e.opt.Log.Warn("out of memory: everything is unloaded and the job tried once more", "prompt", job.ID)
		if err := e.refresh(ctx, "out of memory"); err != nil {
			return err
		}
		return e.try(ctx, job, out, uuid.NewSHA1(uuid.NameSpaceOID, []byte(job.ID+"/again")).String(), delivered)
	}
	return err
}

func outOfMemory(f *engine.Failure) bool {
	v, err := pyjson.Parse(f.Event.Data)
	return err == nil && isOutOfMemory(v)
}

// refresh frees all memory: by a new process where there is one to restart.
func (e *Engine) refresh(ctx context.Context, why string) error {
	if e.opt.Process != nil {
		return e.opt.Process.Restart(ctx, why)
	}
	return e.server.post(ctx, "/free", map[string]bool{"unload_models": true, "free_memory": true})
}

// freeCache makes ComfyUI forget its results.
func (e *Engine) freeCache(ctx context.Context) {
	if err := e.server.post(ctx, "/free", map[string]bool{"free_memory": true}); err != nil {
		e.opt.Log.Warn("freeing ComfyUI's cache failed", "error", err)
	}
}

// try is one prompt of the job, under its own id.
func (e *Engine) try(ctx context.Context, job engine.Job, out engine.Sink, id string, delivered map[string]bool) error {
	g, err := readGraph(job)
	if err != nil {
		return err
	}
	if err := e.ready(ctx); err != nil {
		return e.own(ctx, job, fmt.Errorf("%w: %w", ErrUnreachable, err))
	}
	r := &run{e: e, job: job, out: out, id: id, graph: g, epoch: e.current(), salt: e.salt(job.AccountID), sound: true,
		ran: map[string]bool{}, cached: map[string]bool{}, families: map[string]family{},
		delivered: delivered, collected: map[settee.File]kept{}, twins: map[string]string{}, over: make(chan struct{})}
	if r.known, err = e.known(ctx); err != nil {
		return e.own(ctx, job, fmt.Errorf("%w: %w", ErrUnreachable, err))
	}
	r.inputs, err = e.stage(ctx, job, out)
	defer func() { e.unstage(r.inputs) }()
	if err != nil {
		return e.own(ctx, job, err)
	}
	if r.socket, r.reused, err = e.connect(ctx); err != nil {
		return e.own(ctx, job, fmt.Errorf("%w: %w", ErrUnreachable, err))
	}
	r.client = r.socket.client
	r.socket.onEnd(r.id, sync.OnceFunc(r.heardEnd))
	defer r.hangUp()
	if err := e.seats.take(ctx, e.room(ctx)); err != nil {
		return interrupted(job)
	}
	r.left = sync.OnceFunc(e.seats.leave)
	defer r.left()
	if err := e.settled(ctx); err != nil {
		return e.own(ctx, job, err)
	}
	if r.gone() { // while it waited: what was brought and is known is another process's
		return e.own(ctx, job, fmt.Errorf("%w: its process ended", ErrLost))
	}
	if err := r.submit(ctx); err != nil {
		return e.own(ctx, job, err)
	}
	r.at = pending
	err = r.watch(ctx)
	e.tidy.Go(r.tidy)
	return err
}

// own is an error of the engine's own, unless the job was asked to stop before
// it was in ComfyUI.
func (e *Engine) own(ctx context.Context, job engine.Job, err error) error {
	if _, ok := errors.AsType[*engine.Failure](err); !ok && ctx.Err() != nil {
		return interrupted(job)
	}
	return err
}

// submit posts the prompt. ComfyUI's refusal is believed only after the files
// were brought anew: somebody may have emptied the folder.
func (r *run) submit(ctx context.Context) error {
	r.posted = r.e.opt.Now()
	for again := false; ; again = true {
		if ctx.Err() != nil {
			return interrupted(r.job)
		}
		r.terms = newTerms(r.job, r.id, r.salt, r.inputs.clients, r.e.folders())
		prompt := r.graph.send(r.inputs.names, r.known, r.job.Outputs, r.salt)
		status, answer, err := r.e.server.call(context.WithoutCancel(ctx), http.MethodPost, "/prompt",
			body(r.id, r.client, prompt, r.job.ExtraData, r.job.Outputs))
		switch {
		case err != nil:
			return r.unanswered(ctx, err)
		case status == http.StatusBadRequest && r.inputs.reused && !again:
			if r.inputs, err = r.e.restage(ctx, r.inputs, r.job, r.out); err != nil {
				return err
			}
			continue
		case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge:
			return r.refused(answer)
		case status != http.StatusOK:
			return &statusError{"POST /prompt", status, answer}
		}
		v, err := pyjson.Parse(answer)
		if err != nil || v.Get("prompt_id").Text() != r.id {
			return r.unanswered(ctx, fmt.Errorf("POST /prompt: not an answer: %.100s", answer))
		}
		if bad := v.Get("node_errors"); bad.Kind == pyjson.Object && bad.Len() > 0 {
			// It would run a part of what was accepted: that is not the job.
			r.withdraw(ctx)
			return r.refused(answer)
		}
		r.heard = r.e.opt.Now()
		if date := r.e.server.date.Load(); date > 0 && r.e.opt.Process == nil {
			r.posted = time.Unix(date, 0)
		}
		return nil
	}
}

// unanswered: it is not known whether ComfyUI took the prompt. Nil when it did.
func (r *run) unanswered(ctx context.Context, cause error) error {
	p, h, err := r.e.server.find(context.WithoutCancel(ctx), r.id)
	if err == nil && (p != absent || h != nil) {
		r.heard = r.e.opt.Now()
		return nil
	}
	if err != nil {
		r.e.leave(r.id) // it may be there: whoever comes next looks
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, cause)
}

// tidy takes the prompt out of ComfyUI's history, which grows by whole graphs,
// and its files out of the folders.
func (r *run) tidy() {
	r.e.tidyFiles(r.fetched)
	r.e.spend(r.id)
}

// hangUp gives the socket up. One that brought everything to the prompt's end
// serves the next one.
func (r *run) hangUp() {
	switch {
	case r.socket == nil:
	case r.sound && r.ended:
		r.e.park(r.socket)
	default:
		r.socket.close()
	}
}

// heardEnd is called when the end has come, which may be while the files of the last
// frames are still being stored: the history entry is asked for then, unless the
// frames have told all.
func (r *run) heardEnd() {
	if !r.plain.Load() {
		answer := make(chan early, 1)
		r.early = answer
		r.e.tidy.Go(func() {
			h, err := r.e.server.history(context.Background(), r.id)
			answer <- early{h, err}
		})
	}
	close(r.over)
}

// isOver reports whether the end has come.
func (r *run) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// awaitEnd gives the end, which follows the last output at once, a moment to come.
func (r *run) awaitEnd(ctx context.Context) bool {
	late := time.NewTimer(r.e.opt.Ending)
	defer late.Stop()
	select {
	case <-r.over:
	case <-late.C:
	case <-ctx.Done():
	}
	return r.isOver()
}

// history is the prompt's entry; nil when there is none yet.
func (r *run) history(ctx context.Context) (*entry, error) {
	if r.isOver() && r.early != nil {
		h := <-r.early
		r.early = nil
		if h.entry != nil && h.err == nil {
			return h.entry, nil
		}
	}
	return r.e.server.history(ctx, r.id)
}

// folders are the machine's folders that clients need not know.
func (e *Engine) folders() []string {
	if e.opt.Process == nil {
		return nil
	}
	f := e.opt.Process.Folders()
	return []string{f.Input, f.Output, f.Temp}
}
