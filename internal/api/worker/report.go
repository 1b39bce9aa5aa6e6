package worker

import (
	"context"
	"net/http"
	"sync"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// report passes events and previews on: POST …/report.
func (a *API) report(w http.ResponseWriter, r *http.Request) error {
	at, err := a.attempt(r)
	if err != nil {
		return err
	}
	var in wire.Report
	if err := read(w, r, wire.MaxReport, &in); err != nil {
		return err
	}
	if err := a.tell(r.Context(), at, in); err != nil {
		return err
	}
	out, err := a.reported(r.Context(), at)
	if err != nil {
		return err
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// tell reports a batch, unless it is the one that was reported last.
func (a *API) tell(ctx context.Context, at queue.Attempt, in wire.Report) error {
	held, err := a.opt.Queue.Held(ctx, at)
	if err != nil {
		return err
	}
	if len(in.Frames) == 0 {
		return nil
	}
	frames, err := checkFrames(in.Frames, held.PromptID)
	if err != nil {
		return err
	}
	last := a.batches.of(at)
	last.mu.Lock()
	defer last.mu.Unlock()
	if in.Batch > 0 && in.Batch <= last.batch {
		return nil
	}
	if err := a.opt.Queue.Report(ctx, at, frames); err != nil {
		return err
	}
	last.batch = in.Batch
	return nil
}

func (a *API) reported(ctx context.Context, at queue.Attempt) (wire.Reported, error) {
	held, err := a.opt.Queue.Held(ctx, at)
	if err != nil {
		return wire.Reported{}, err
	}
	told, err := a.opt.Queue.Told(ctx, at)
	return wire.Reported{Told: told, Watched: a.opt.Watched(held.AccountID)}, err
}

// batches remembers the last batch of each attempt.
type batches struct {
	mu   sync.Mutex
	last map[queue.Attempt]*batch
}

type batch struct {
	mu    sync.Mutex
	batch int
}

func (b *batches) of(at queue.Attempt) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil || len(b.last) >= remembers {
		b.last = map[queue.Attempt]*batch{}
	}
	if b.last[at] == nil {
		b.last[at] = &batch{}
	}
	return b.last[at]
}

func (b *batches) drop(session string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := range b.last {
		if at.SessionID == session {
			delete(b.last, at)
		}
	}
}

func (b *batches) end(at queue.Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.last, at)
}

// execute names a node's files: POST …/execute.
func (a *API) execute(w http.ResponseWriter, r *http.Request) error {
	at, err := a.attempt(r)
	if err != nil {
		return err
	}
	var in wire.Execute
	if err := read(w, r, wire.MaxReport, &in); err != nil {
		return err
	}
	if in.Number < 1 {
		return settee.Faultf(settee.CodeInvalid, "An executed event has a number from 1.")
	}
	if err := a.tell(r.Context(), at, in.Report); err != nil {
		return err
	}
	if err := a.checkExecuted(r.Context(), at, in.Output); err != nil {
		return err
	}
	output, err := a.opt.Queue.ExecuteAs(r.Context(), at, in.Number, in.Executed)
	if err != nil {
		return err
	}
	out := wire.Executed{Output: output}
	if out.Reported, err = a.reported(r.Context(), at); err != nil {
		return err
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// finish ends an attempt: POST …/finish.
func (a *API) finish(w http.ResponseWriter, r *http.Request) error {
	at, err := a.attempt(r)
	if err != nil {
		return err
	}
	var in wire.Finish
	if err := read(w, r, wire.MaxReport, &in); err != nil {
		return err
	}
	if len(in.Last) > 0 {
		if err := a.sessions.speaks(at.SessionID, 3, "What comes last with an ending"); err != nil {
			return err
		}
	}
	held, err := a.opt.Queue.Held(r.Context(), at)
	over := settee.CodeOf(err) == settee.CodeLeaseLost // or it has ended, and the answer was lost
	if err != nil && !over {
		return err
	}
	ending, err := checkEnding(in, held.PromptID)
	if err != nil {
		return err
	}
	var (
		last []queue.Step
		out  wire.Finished
	)
	if !over && ending.State != settee.Pending {
		if err := a.tell(r.Context(), at, in.Report); err != nil {
			return err
		}
		if err := a.opt.Queue.Expect(r.Context(), at, in.Told); err != nil {
			return err
		}
		if last, err = a.checkLast(r.Context(), at, in.Last, held.PromptID, &out.Outputs); err != nil {
			return err
		}
	}
	if over { // all of it is refused, or known: then the outputs are as many
		for _, step := range in.Last {
			if step.Output != nil {
				last = append(last, outputStep(wire.Step{Output: &wire.Output{}}, &out.Outputs))
			}
		}
	}
	if err := a.opt.Queue.FinishOnce(r.Context(), at, ending, last...); err != nil {
		return err
	}
	a.batches.end(at)
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}
