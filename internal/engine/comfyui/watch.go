package comfyui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"

	"github.com/settee/settee"
)

const (
	soon      = 20 * time.Millisecond  // until the history entry that a frame announced is looked for again
	hurried   = 200 * time.Millisecond // after an ending without the frame that follows it
	often     = 500 * time.Millisecond // between looks while the socket is away
	hush      = time.Second            // in which a socket that was there before must bring something: ComfyUI tells of each prompt that is queued
	deafAfter = 30 * time.Second       // of a socket that came back: then it is opened once more
	drained   = 2 * time.Second        // what a job that was stopped may still bring over
)

// watch follows the prompt until it is neither waiting nor running, or until it
// is given up.
func (r *run) watch(ctx context.Context) error {
	// The prompt is followed to its end whatever happens to ctx; files of a job
	// that was stopped are worth a moment, not minutes.
	work := context.WithoutCancel(ctx)
	files, cancel := context.WithCancel(work)
	r.files = files
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drained, cancel) })()

	var (
		stop   *stopping // nil: goes on
		asked  = ctx.Done()
		look   = time.NewTimer(r.pause(nil, 0))
		since  time.Time // the server has been out of reach since
		misses int
		hurry  bool
	)
	defer look.Stop()
	for {
		var news <-chan struct{}
		if r.socket != nil {
			news = r.socket.news
		}
		due, quiet := false, false
		select {
		case <-news:
		case <-asked:
			stop, asked = r.stopping(stop, nil), nil
			due = true
		case <-look.C:
			due, quiet = true, r.reused
		}
		if err := r.listen(work); err != nil {
			if stop == nil {
				stop = r.stopping(nil, err)
			}
			due = true
		}
		if quiet && r.reused {
			r.lose()
		}
		if r.kind != "" && !r.ended && !hurry { // the last frame may be lost
			hurry = true
			look.Reset(hurried)
		}
		if stop == nil && r.began && r.socket != nil && r.e.opt.Now().Sub(r.heard) > r.e.opt.Silence {
			stop = r.stopping(nil, fmt.Errorf("%w: no sign of life for %v in node %s", ErrSilent, r.e.opt.Silence, r.current))
			due = true
		}
		if !due && !r.ended && r.socket != nil {
			continue
		}
		done, err := r.look(work, stop)
		switch {
		case done:
			return r.outcome(stop, err)
		case err == nil:
			since, misses = time.Time{}, 0
		case since.IsZero():
			since = r.e.opt.Now()
			fallthrough
		default:
			if misses++; r.gone() || r.e.opt.Now().Sub(since) > r.e.opt.Patience {
				r.e.leave(r.id)
				return r.outcome(stop, fmt.Errorf("%w: %w", ErrUnreachable, err))
			}
		}
		if stop != nil {
			if over, err := r.escalate(ctx, stop); over {
				return r.outcome(stop, err)
			}
		}
		if r.deaf() {
			r.socket.close()
			r.socket, r.redial = nil, r.e.opt.Now().Add(often)
		}
		r.reconnect(ctx)
		look.Reset(r.pause(stop, misses))
	}
}

// pause is how long to wait until the truth is asked for again.
func (r *run) pause(stop *stopping, misses int) time.Duration {
	wait := r.e.opt.Poll
	switch {
	case r.ended && misses == 0:
		return soon
	case r.reused:
		return min(wait, hush)
	case stop != nil:
		wait = min(wait, stop.pause())
	case r.socket == nil || misses > 0:
		wait = min(wait, often)
	}
	if r.began && stop == nil {
		wait = min(wait, max(r.e.opt.Silence-r.e.opt.Now().Sub(r.heard)+time.Millisecond, time.Millisecond))
	}
	return wait
}

// gone reports that the process of this run is no more.
func (r *run) gone() bool {
	p := r.e.opt.Process
	return p != nil && (p.Epoch() != r.epoch || !p.Alive())
}

// listen passes on what the socket brought.
func (r *run) listen(ctx context.Context) error {
	if r.socket == nil {
		return nil
	}
	all, lost := r.socket.take()
	r.reused = r.reused && len(all) == 0
	for _, m := range all {
		if err := r.frame(ctx, m); err != nil {
			return err
		}
	}
	if lost {
		r.lose()
	}
	return nil
}

// lose gives up a socket that brings nothing more.
func (r *run) lose() {
	r.socket.close()
	r.socket, r.sound, r.reused = nil, r.sound && r.ended, false
	r.redial = r.e.opt.Now().Add(often) // ComfyUI must have noticed the end first (protocol note 2.1)
}

// reconnect brings the socket back, with the id that the prompt's frames go to.
func (r *run) reconnect(ctx context.Context) {
	if r.socket != nil || r.ended || r.e.opt.Now().Before(r.redial) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s, err := r.e.dial(ctx, r.client)
	if err != nil {
		r.redial = r.e.opt.Now().Add(often)
		return
	}
	r.socket = s
}

// deaf reports that a socket which came back brings nothing: ComfyUI may have
// taken it for the one that ended (protocol note 2.1).
func (r *run) deaf() bool {
	if r.socket == nil || r.sound || r.ended {
		return false
	}
	now := r.e.opt.Now()
	return now.Sub(r.socket.since) > deafAfter && now.Sub(r.heard) > deafAfter
}

// look asks ComfyUI for the truth, and steers it where the job is to stop. done
// means that the prompt is over; err is then how it ended.
func (r *run) look(ctx context.Context, stop *stopping) (done bool, err error) {
	if r.gone() {
		return true, fmt.Errorf("%w: its process ended", ErrLost)
	}
	if r.plainly() {
		return true, nil
	}
	var h *entry
	at := absent
	if r.ended {
		h, err = r.history(ctx)
	}
	if h == nil && err == nil {
		at, h, err = r.e.server.find(ctx, r.id)
	}
	switch {
	case err != nil:
		return false, err
	case h != nil:
		return true, r.conclude(ctx, h)
	case at == absent:
		return true, r.vanished()
	}
	r.at = at
	if stop != nil {
		r.push(ctx, stop, at)
	}
	return false, nil
}

// plainly reports that the prompt succeeded and that nothing is to be learned from its
// history: every frame was heard, no node was cached, and each node that shows
// something has shown it.
func (r *run) plainly() bool {
	return r.ended && r.sound && r.kind == settee.EventSuccess && r.plain.Load() && r.complete()
}

// vanished is how a prompt ended that is neither in the queue nor in the
// history: as its frames said, if all were heard.
func (r *run) vanished() error {
	switch {
	case r.kind == settee.EventError:
		return r.failed(r.ending)
	case r.kind == settee.EventInterrupted:
		return &engine.Interrupted{Event: settee.Event{Type: r.kind, Data: r.terms.json(r.ending)}}
	case r.success && r.sound:
		return nil
	}
	return ErrLost
}

// conclude ends the run by its history entry, after bringing what the socket
// missed.
func (r *run) conclude(ctx context.Context, h *entry) error {
	if err := r.listen(ctx); err != nil { // what came meanwhile
		return err
	}
	if err := r.begin(ctx, h.start); err != nil {
		return err
	}
	if !r.told && h.cached.Kind == pyjson.Object {
		if err := r.tellCached(ctx, h.cached); err != nil {
			return err
		}
	}
	for _, m := range h.outputs {
		if r.delivered[m.Key] || m.Value.Kind != pyjson.Object {
			continue
		}
		meta := h.meta.Get(m.Key).Fields("node_id", "display_node", "parent_node", "real_node_id")
		n := node{id: m.Key, display: meta[1].Text(), parent: meta[2].Text(), real: meta[3].Text(), meta: meta[0].Text(), output: m.Value}
		if n.meta == n.id {
			n.meta = ""
		}
		if n.meta != "" || n.display == "" { // a twin: meta is the other node's
			n.display, n.real = n.id, n.id
		}
		n.fresh = r.ran[n.id] || !r.isCached(n) && n.meta == ""
		n.silent = !n.fresh && !r.isOutput(n)
		if err := r.deliver(ctx, n); err != nil {
			return err
		}
	}
	switch h.kind {
	case settee.EventSuccess:
		return nil
	case settee.EventError:
		return r.failed(h.ending)
	case settee.EventInterrupted:
		return &engine.Interrupted{Event: settee.Event{Type: h.kind, Data: r.terms.json(h.ending)}}
	}
	return fmt.Errorf("%w: its history does not tell how it ended", ErrLost)
}

// failed is the end of a prompt whose node raised.
func (r *run) failed(data pyjson.Value) error {
	if isFault(data) {
		r.e.fault(data.Get("exception_message").Text())
		return fmt.Errorf("%w: %.300s", ErrFault, r.terms.text(data.Get("exception_message").Text()))
	}
	if isFull(data) {
		return fmt.Errorf("%w: %.300s", ErrFull, r.terms.text(data.Get("exception_message").Text()))
	}
	return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: r.failure(data)}}
}

// outcome is what Run returns, given why the run was stopped.
func (r *run) outcome(stop *stopping, err error) error {
	_, failure := errors.AsType[*engine.Failure](err)
	halt, cut := errors.AsType[*engine.Interrupted](err)
	switch {
	case stop == nil && cut:
		return ErrStopped
	case stop == nil || err == nil && stop.cause == nil || failure && stop.cause == nil:
		return err
	case stop.cause != nil:
		return stop.cause
	case cut:
		return halt
	}
	return interrupted(r.job)
}
