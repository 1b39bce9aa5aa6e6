package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/workflow"
)

// run drives the engine until the task's context ends, and says how the job
// ended.
func (t *task) run() queue.Ending {
	job, err := t.w.job(t.lease)
	if err == nil {
		err = t.w.drive(t.ctx, job, newSink(t))
	}
	if failure, ok := errors.AsType[*engine.Failure](err); ok && failure.Refused {
		err = t.doubt(failure)
		t.changed = errors.Is(err, errChanged)
	}
	e := outcome(t.lease.PromptID, err, context.Cause(t.ctx))
	if e.Event.Data, err = standard(e.Event.Data); err != nil {
		e.State, e.Reason, e.Event = settee.Failed, settee.ReasonError, record.Failure(t.lease.PromptID, "EngineError", err.Error())
	}
	return e
}

// drive calls the engine and turns a panic of its own into an error.
func (w *Worker) drive(ctx context.Context, job engine.Job, out engine.Sink) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.opt.Log.Error("the engine panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the engine panicked: %v", p)
		}
	}()
	return w.engine.Run(ctx, job, out)
}

// job is what the engine gets to see of a lease.
func (w *Worker) job(lease *queue.Lease) (engine.Job, error) {
	g := lease.Graph
	extra := g.ExtraData
	if len(lease.Secrets) > 0 && w.opt.Unseal != nil {
		var err error
		if extra, err = Reveal(extra, lease.Secrets, w.opt.Unseal); err != nil {
			return engine.Job{}, err
		}
	}
	return engine.Job{
		ID:        settee.EngineID(lease.Attempt.JobID, lease.Attempt.N),
		PromptID:  lease.PromptID,
		AccountID: lease.AccountID,
		Graph:     workflow.Apply(g.Prompt, g.Edits, true),
		Prompt:    workflow.Apply(g.Prompt, g.Edits, false),
		ExtraData: extra,
		Outputs:   g.Outputs,
		Inputs:    g.Inputs,
	}, nil
}

// Reveal puts a lease's secrets, which unseal opens, into its extra_data, in the
// places that were kept for them. Every other byte stays: Python may read it.
func Reveal(extra, sealed json.RawMessage, unseal func([]byte) ([]byte, error)) (json.RawMessage, error) {
	plain, err := unseal(sealed)
	if err != nil {
		return nil, fmt.Errorf("open the job's secrets: %w", err)
	}
	var secrets map[string]json.RawMessage
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, err
	}
	root, err := pyjson.Parse(extra)
	if err != nil {
		return nil, err
	}
	var edits []settee.Edit
	for name, secret := range secrets {
		if v := root.Get(name); v.Kind != pyjson.Absent {
			edits = append(edits, settee.Edit{Start: v.Start, End: v.End, Text: string(secret)})
		}
	}
	slices.SortFunc(edits, func(a, b settee.Edit) int { return a.Start - b.Start })
	return workflow.Apply(extra, edits, false), nil
}

// outcome turns what Run returned, and why its context ended, into an ending.
func outcome(promptID string, err, cause error) queue.Ending {
	if err == nil {
		return queue.Ending{State: settee.Completed, Event: record.Success(promptID)}
	}
	if failure, ok := errors.AsType[*engine.Failure](err); ok {
		return queue.Ending{State: settee.Failed, Reason: settee.ReasonError, Event: failure.Event}
	}
	halt, _ := errors.AsType[stop](cause)
	switch halt.reason {
	case settee.ReasonUser:
		e := record.Interrupted(promptID)
		if interrupted, ok := errors.AsType[*engine.Interrupted](err); ok {
			e = interrupted.Event
		}
		return queue.Ending{State: settee.Cancelled, Reason: settee.ReasonUser, Event: e}
	case settee.ReasonTimeout:
		return queue.Ending{State: settee.Failed, Reason: halt.reason,
			Event: record.Failure(promptID, "JobTimeout", "The job ran longer than its tier allows.")}
	case settee.ReasonCredits:
		return queue.Ending{State: settee.Failed, Reason: halt.reason,
			Event: record.Failure(promptID, "InsufficientFundsError", "The account ran out of credits.")}
	case settee.ReasonDrained, settee.ReasonRevoked:
		return queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
	}
	if errors.Is(err, errChanged) {
		return queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
	}
	if refused(err) {
		return queue.Ending{State: settee.Failed, Reason: settee.ReasonError, Event: record.Failure(promptID, "EngineError", err.Error())}
	}
	return queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}
}

// finish reports an ending, and what was told last unless the job is handed back,
// until it is taken, or until the attempt or the whole session is lost: whoever holds
// the job then speaks for it.
// When it is refused what was told last is told alone, and the ending says what is
// wrong with that. An ending that is refused, because it is too large, is told in
// brief; when that is refused too, the job is handed back, so that it does not hang.
func (t *task) finish(e queue.Ending) {
	w, alive, a := t.w, t.alive, t.lease.Attempt
	last := t.last.take()
	if e.State == settee.Pending {
		last = nil
	}
	refusals := 0
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := w.coordinator.Finish(alive, a, e, last...)
		if err == nil || e.State == settee.Pending && settee.CodeOf(err) == settee.CodeLeaseLost {
			return // what is handed back may have been taken back
		}
		w.opt.Log.Warn("reporting an ending failed", "job", a.JobID, "error", err)
		if settee.CodeOf(err) == settee.CodeLeaseLost || alive.Err() != nil {
			return
		}
		if refused(err) {
			if len(last) > 0 {
				if err := t.settle(alive, last); err != nil {
					e = outcome(t.lease.PromptID, err, nil)
				}
				last = nil
				continue
			}
			switch refusals++; refusals {
			case 1:
				e.Event = brief(e.Event, err)
				continue
			case 2:
				e = queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}
				continue
			}
		}
		select {
		case <-alive.Done():
			return
		case <-time.After(wait):
		}
	}
}
