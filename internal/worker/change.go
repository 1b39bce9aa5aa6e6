package worker

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// differs reports that an engine says something else of what it can run.
func differs(now, was settee.Description) bool {
	return !bytes.Equal(now.Definitions, was.Definitions) || !bytes.Equal(now.Models, was.Models) || now.Version != was.Version
}

// changes waits until the engine says something else of itself than it did when
// the session was opened; it reports false when claiming ends before.
func (w *Worker) changes(claiming context.Context, was settee.Description) bool {
	tick := time.NewTicker(w.opt.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-claiming.Done():
			return false
		case <-tick.C:
		}
		now, err := w.engine.Describe(claiming)
		if err == nil && differs(now, was) {
			return true
		}
	}
}

// doubt is what a refusal means of a job that was given to the engine because of
// what it said of itself when the session was opened: errChanged when it says
// something else by now, an error of the engine's own when it says nothing. Else
// the refusal stands, and so does the second one of the same job: an engine may say
// something else each time.
func (t *task) doubt(refusal *engine.Failure) error {
	if t.asDescribed(refusal.Classes) {
		return refusal
	}
	now, err := t.w.engine.Describe(t.ctx)
	switch {
	case err != nil:
		return fmt.Errorf("describe the engine that refused a job: %w", err)
	case differs(now, t.engine) && t.w.first(t.lease.Attempt.JobID):
		return errChanged
	}
	return refusal
}

// few is of how many classes an engine is asked one by one.
const few = 8

// asDescribed reports that the engine says of these classes what it said when the
// session was opened. Wrong workflows come in numbers, and a whole description may
// take megabytes and a second of the engine's time.
func (t *task) asDescribed(classes []string) bool {
	e, ok := t.w.engine.(engine.Classed)
	if !ok || len(classes) == 0 || len(classes) > few {
		return false
	}
	was, err := pyjson.Parse(t.engine.Definitions)
	if err != nil {
		return false
	}
	for _, name := range classes {
		now, err := e.Class(t.ctx, name)
		if err != nil || !bytes.Equal(now, was.Get(name).Raw()) {
			return false
		}
	}
	return true
}

// doubts is how many jobs are remembered that were handed back.
const doubts = 1000

// first reports that a job is not remembered, and remembers it.
func (w *Worker) first(job string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.doubted[job] {
		return false
	}
	if len(w.doubted) >= doubts {
		clear(w.doubted)
	}
	w.doubted[job] = true
	return true
}
