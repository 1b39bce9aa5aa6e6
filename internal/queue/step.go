package queue

import (
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

// Step is one of the last things that a run tells before it ends: a frame, or a
// node's output. What comes last goes with the ending, as one unit.
type Step struct {
	settee.Frame
	Executed *engine.Executed
	Named    func(output json.RawMessage) // with Executed: called with the output once it has its names
}

// Tell tells a step alone, by the two calls that a coordinator has for it.
func (s Step) Tell(report func(settee.Frame) error, execute func(engine.Executed) (json.RawMessage, error)) error {
	if s.Executed == nil {
		return report(s.Frame)
	}
	output, err := execute(*s.Executed)
	if err == nil {
		s.Named(output)
	}
	return err
}

// check refuses what does not come last, or not so.
func (s Step) check() error {
	if s.Executed != nil {
		return record.CheckExecuted(*s.Executed)
	}
	if s.Data != nil && !json.Valid(s.Data) {
		return settee.Faultf(settee.CodeInvalid, "the data of %s is not JSON", s.Type)
	}
	switch s.Type {
	case settee.EventStart, settee.EventCached, settee.EventExecuted, settee.EventSuccess, settee.EventInterrupted, settee.EventStatus:
		return settee.Faultf(settee.CodeInvalid, "%s does not come last", s.Type)
	}
	return nil
}
