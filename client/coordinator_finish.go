package client

import (
	"context"
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// Finish ends an attempt, after what it told last. That an event was refused before
// does not keep it from ending.
func (k *Coordinator) Finish(ctx context.Context, a queue.Attempt, e queue.Ending, last ...queue.Step) error {
	s, t, err := k.trail(a)
	if err != nil {
		return err
	}
	if e.State == settee.Pending {
		last = nil
	}
	if s.version < 3 {
		if err := k.before(ctx, t, a, last); err != nil {
			return err
		}
		last = nil
	}
	err = k.finish(ctx, s, t, a, e, last)
	if code := settee.CodeOf(err); code == "" || code == settee.CodeLeaseLost {
		s.end(a)
	}
	return err
}

// before tells what comes last to a server that does not take it with an ending,
// each step once.
func (k *Coordinator) before(ctx context.Context, t *trail, a queue.Attempt, last []queue.Step) error {
	for ; t.steps < len(last); t.steps++ {
		err := last[t.steps].Tell(
			func(f settee.Frame) error { return k.Report(ctx, a, []settee.Frame{f}) },
			func(x engine.Executed) (json.RawMessage, error) { return k.Execute(ctx, a, x) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Coordinator) finish(ctx context.Context, s *session, t *trail, a queue.Attempt, e queue.Ending, last []queue.Step) error {
	in := wire.Finish{State: e.State, Reason: e.Reason}
	var outputs []*queue.Step // of last
	for _, step := range last {
		if step.Executed == nil {
			f := wire.FrameOf(step.Frame)
			t.mu.Lock()
			if !t.unseen(f) {
				in.Last = append(in.Last, wire.Step{Frame: f})
			}
			t.mu.Unlock()
			continue
		}
		in.Last = append(in.Last, wire.Step{Output: &wire.Output{Executed: *step.Executed, Receipts: s.receiptsOf(*step.Executed)}})
		outputs = append(outputs, &step)
	}
	if e.State != settee.Pending {
		in.Event = &e.Event
		switch err := k.ahead(ctx, s, t, a); settee.CodeOf(err) {
		case "", settee.CodeInvalid, settee.CodeTooLarge:
		default:
			return err
		}
	}
	t.send.Lock()
	defer t.send.Unlock()
	frames := t.take()
	t.mu.Lock()
	in.Told = t.number
	t.mu.Unlock()
	if e.State == settee.Pending {
		frames = nil
	}
	var out wire.Finished
	err := k.told(ctx, s, t, frames, func(ctx context.Context, r wire.Report) error {
		in.Report = r
		return k.post(ctx, answered, s.attempt(a)+"/finish", in, &out)
	})
	for i, output := range out.Outputs[:min(len(out.Outputs), len(outputs))] {
		outputs[i].Named(output)
	}
	return err
}
