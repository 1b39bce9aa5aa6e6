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

// much is how many bytes may wait; more is told at once, when it may be told.
const much = 1 << 20

// last is what a task has told and nobody knows yet: all of it until its turn comes,
// and then what goes with its ending, a node's output and all that follows.
type last struct {
	mu    sync.Mutex
	turn  bool // it has come
	steps []queue.Step
	bytes int
}

// Last has a node's output wait for the ending (engine.Sink).
func (s *sink) Last(ctx context.Context, x engine.Executed, named func(json.RawMessage)) error {
	s.small.Add(-small(x))
	x, err := standardOutput(x)
	if err == nil {
		err = record.CheckExecuted(x)
	}
	if err != nil {
		return err
	}
	return s.tell(ctx, queue.Step{Executed: &x, Named: named})
}

// tell passes a step on, or has it wait.
func (t *task) tell(ctx context.Context, step queue.Step) error {
	t.begin()
	t.last.mu.Lock()
	defer t.last.mu.Unlock()
	if !t.last.turn && t.last.bytes > much {
		t.last.mu.Unlock()
		<-t.entered
		t.last.mu.Lock()
	}
	select {
	case <-t.entered:
		if t.denied != nil {
			return t.denied
		}
	default:
		t.last.add(step)
		return nil
	}
	switch again := step.Type == settee.EventStart || step.Type == settee.EventCached; {
	case again: // it runs once more: what came before is not the last
		if err := t.settle(ctx, t.last.empty()); err != nil {
			return err
		}
	case step.Executed != nil || len(t.last.steps) > 0:
		if t.last.add(step); t.last.bytes <= much {
			return nil
		}
		return t.settle(ctx, t.last.empty())
	}
	return t.pass(ctx, step.Frame)
}

func (l *last) add(step queue.Step) {
	l.steps = append(l.steps, step)
	l.bytes += len(step.Data) + len(step.Binary)
	if x := step.Executed; x != nil {
		l.bytes += int(small(*x))
		for _, key := range x.Output {
			for _, e := range key.Entries {
				l.bytes += len(e.JSON)
			}
		}
	}
}

// small is how many bytes of small files go along with an output.
func small(x engine.Executed) (n int64) {
	for _, key := range x.Output {
		for _, e := range key.Entries {
			if e.New != nil {
				n += int64(len(e.New.Small))
			}
		}
	}
	return n
}

// empty takes all that waits. The caller holds mu.
func (l *last) empty() []queue.Step {
	steps := l.steps
	l.steps, l.bytes = nil, 0
	return steps
}

func (l *last) take() []queue.Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.empty()
}

// catchUp tells what has waited for the task's turn, but for what goes with its
// ending. The caller holds last.mu.
func (t *task) catchUp(ctx context.Context) error {
	t.last.turn = true
	steps := t.last.empty()
	for i, step := range steps {
		if step.Executed != nil {
			for _, step := range steps[i:] {
				t.last.add(step)
			}
			return nil
		}
		if err := t.pass(ctx, step.Frame); err != nil {
			return err
		}
	}
	return nil
}

// settle tells steps now, one after the other.
func (t *task) settle(ctx context.Context, steps []queue.Step) error {
	for _, step := range steps {
		err := step.Tell(
			func(f settee.Frame) error { return t.pass(ctx, f) },
			func(x engine.Executed) (json.RawMessage, error) { return t.execute(ctx, x) })
		if err != nil {
			return err
		}
	}
	return nil
}
