package worker

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// lastBytes is how much may wait for an ending; more is told at once.
const lastBytes = 1 << 20

// last is what a task tells with its ending: a node's output and all that follows.
type last struct {
	mu    sync.Mutex
	steps []queue.Step
	bytes int
}

// Last has a node's output wait for the ending (engine.Sink).
func (s *sink) Last(ctx context.Context, x engine.Executed, named func(json.RawMessage)) error {
	x, err := standardOutput(x)
	if err == nil {
		err = record.CheckExecuted(x)
	}
	if err == nil {
		err = s.begin()
	}
	if err != nil {
		return err
	}
	s.last.mu.Lock()
	defer s.last.mu.Unlock()
	return s.wait(ctx, queue.Step{Executed: &x, Named: named})
}

// waits has a frame wait where others before it do, and reports whether it does.
func (t *task) waits(ctx context.Context, f settee.Frame) (bool, error) {
	t.last.mu.Lock()
	defer t.last.mu.Unlock()
	switch {
	case len(t.last.steps) == 0:
		return false, nil
	case f.Type == settee.EventStart || f.Type == settee.EventCached: // it runs once more
		return false, t.settle(ctx)
	}
	return true, t.wait(ctx, queue.Step{Frame: f})
}

// wait adds a step; many are told at once. The caller holds last.mu.
func (t *task) wait(ctx context.Context, step queue.Step) error {
	t.last.steps = append(t.last.steps, step)
	t.last.bytes += len(step.Data) + len(step.Binary)
	if x := step.Executed; x != nil {
		for _, key := range x.Output {
			for _, e := range key.Entries {
				t.last.bytes += len(e.JSON)
			}
		}
	}
	if t.last.bytes <= lastBytes {
		return nil
	}
	return t.settle(ctx)
}

// settle tells what waits, one after the other. The caller holds last.mu.
func (t *task) settle(ctx context.Context) error {
	steps := t.last.steps
	t.last.steps, t.last.bytes = nil, 0
	for _, step := range steps {
		if step.Executed == nil {
			if err := t.pass(ctx, step.Frame); err != nil {
				return err
			}
			continue
		}
		output, err := t.execute(ctx, *step.Executed)
		if err != nil {
			return err
		}
		step.Named(output)
	}
	return nil
}
