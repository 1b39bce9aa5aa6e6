package worker_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// heard is a coordinator that keeps what is reported.
type heard struct {
	*coordinator
	frames []settee.Frame
}

func (h *heard) Report(_ context.Context, _ queue.Attempt, frames []settee.Frame) error {
	h.frames = append(h.frames, frames...)
	return nil
}

// An engine may speak Python's JSON; what is told on is everybody's.
func TestPythonsNumbersBecomeNull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &heard{coordinator: newCoordinator()}
		stop := start(t, k, engineFunc(func(ctx context.Context, _ engine.Job, out engine.Sink) error {
			if err := out.Event(ctx, settee.Event{Type: "progress", Data: json.RawMessage(`{"value": NaN}`)}); err != nil {
				return err
			}
			return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{"current_inputs": {"x": [-Infinity, 1]}}`)}}
		}), time.Second)
		k.leases <- lease("j")
		e := <-k.endings
		if got := string(e.Event.Data); e.State != settee.Failed || got != `{"current_inputs": {"x": [null, 1]}}` {
			t.Errorf("ended %s with %s", e.State, got)
		}
		if len(k.frames) != 1 || string(k.frames[0].Data) != `{"value": null}` {
			t.Errorf("reported %+v", k.frames)
		}
		stop()
	})
}

// What is no JSON at all fails the job at once, and says so.
func TestAnEngineThatTalksNonsense(t *testing.T) {
	nonsense := json.RawMessage(`{"x": [REDACTED]}`)
	for name, run := range map[string]func(context.Context, engine.Job, engine.Sink) error{
		"an event": func(ctx context.Context, _ engine.Job, out engine.Sink) error {
			return out.Event(ctx, settee.Event{Type: "progress", Data: nonsense})
		},
		"an output": func(ctx context.Context, _ engine.Job, out engine.Sink) error {
			_, err := out.Executed(ctx, engine.Executed{Output: []engine.Key{{Name: "x", Entries: []engine.Entry{{JSON: nonsense}}}}})
			return err
		},
		"an ending": func(context.Context, engine.Job, engine.Sink) error {
			return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: nonsense}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newCoordinator()
				stop := start(t, k, engineFunc(run), time.Second)
				k.leases <- lease("j")
				e := <-k.endings
				if e.State != settee.Failed || !json.Valid(e.Event.Data) || !strings.Contains(string(e.Event.Data), "not JSON") {
					t.Errorf("ended %s/%s with %s", e.State, e.Reason, e.Event.Data)
				}
				stop()
			})
		})
	}
}

// An ending that is refused is told in brief, and when that is refused too the
// job is handed back.
func TestARefusedEnding(t *testing.T) {
	for refusals, want := range []string{
		`failed {"current_inputs":[1],"exception_message":"no","exception_type":"E","node_id":"7","prompt_id":"j"}`,
		`failed {"prompt_id":"j","node_id":"7","node_type":"","executed":[],"exception_message":"no\n(The error is told in brief: large)",` +
			`"exception_type":"E","traceback":[],"current_inputs":{},"current_outputs":[]}`,
		`pending `,
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newCoordinator()
			k.finish = func() error {
				if refusals--; refusals >= 0 {
					return settee.Faultf(settee.CodeTooLarge, "large")
				}
				return nil
			}
			stop := start(t, k, engineFunc(func(context.Context, engine.Job, engine.Sink) error {
				return &engine.Failure{Event: settee.Event{Type: settee.EventError,
					Data: json.RawMessage(`{"current_inputs":[1],"exception_message":"no","exception_type":"E","node_id":"7","prompt_id":"j"}`)}}
			}), time.Second)
			k.leases <- lease("j")
			e := <-k.endings
			if got := string(e.State) + " " + string(e.Event.Data); got != want {
				t.Errorf("ended %s, want %s", got, want)
			}
			stop()
		})
	}
}
