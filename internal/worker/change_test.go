package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

var refusal = &engine.Failure{Refused: true, Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{"exception_type":"PromptRefused"}`)}}

// A job that the engine refuses goes back to the queue when the engine says
// something else of itself by then, and the worker announces it again; else the job
// has failed.
func TestARefusalByAChangedEngineHandsTheJobBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		describe func(n int) (settee.Description, error) // the n-th time, from 1
		endings  []string                                // of one job, each time it is given
		sessions string
	}{
		{"the same as before", func(int) (settee.Description, error) { return settee.Description{}, nil }, []string{"failed error"}, "a"},
		{"a model is gone", func(n int) (settee.Description, error) {
			models := `{"checkpoints":[]}`
			if n == 1 {
				models = `{"checkpoints":["x"]}`
			}
			return settee.Description{Models: json.RawMessage(models)}, nil
		}, []string{"pending drained", "failed error"}, "ab"},
		{"something else each time", func(n int) (settee.Description, error) {
			return settee.Description{Version: strconv.Itoa(n)}, nil
		}, []string{"pending drained", "failed error"}, "ab"},
		{"nothing", func(n int) (settee.Description, error) {
			if n == 2 {
				return settee.Description{}, errors.New("down")
			}
			return settee.Description{}, nil
		}, []string{"pending lost", "failed error"}, "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, n := newCoordinator(), 0
				stop := start(t, k, describing{
					engineFunc: func(context.Context, engine.Job, engine.Sink) error { return refusal },
					describe:   func() (settee.Description, error) { n++; return c.describe(n) },
				}, time.Second)
				for _, want := range c.endings {
					k.leases <- lease("j")
					e := <-k.endings
					if got := string(e.State) + " " + string(e.Reason); got != want {
						t.Errorf("ended %s, want %s", got, want)
					}
					if e.State == settee.Failed && string(e.Event.Data) != string(refusal.Event.Data) {
						t.Errorf("failed with %s", e.Event.Data)
					}
				}
				stop()
				sessions := ""
				for len(k.opened) > 0 {
					sessions += <-k.opened
				}
				if sessions != c.sessions {
					t.Errorf("sessions %q, want %q", sessions, c.sessions)
				}
			})
		})
	}
}

// classed is an engine of which each class says what the function says.
type classed struct {
	describing
	class func(name string) (json.RawMessage, error)
}

func (c classed) Class(_ context.Context, name string) (json.RawMessage, error) { return c.class(name) }

// An engine that tells of the refused classes what it told when the session was
// opened is not asked for all else.
func TestRefusalsByAnEngineAsItWasCostNoDescription(t *testing.T) {
	describe := func(models string) settee.Description {
		return settee.Description{Definitions: []byte(`{"A": {"x": [` + models + `]}, "B": {}}`)}
	}
	for _, c := range []struct {
		name      string
		classes   []string
		class     string // what it says of A by now
		now       string // and the models of A in all
		ending    string
		described int // in all sessions
	}{
		{"as it was", []string{"B", "A"}, `{"x": [1]}`, "1", "failed error", 1},
		{"a model is gone", []string{"B", "A"}, `{"x": []}`, "", "pending drained", 3},
		{"a class is gone", []string{"C"}, `{"x": [1]}`, "1", "failed error", 2},
		{"of nothing", nil, `{"x": [1]}`, "1", "failed error", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, n := newCoordinator(), 0
				stop := start(t, k, classed{describing{
					engineFunc: func(context.Context, engine.Job, engine.Sink) error {
						return &engine.Failure{Refused: true, Classes: c.classes, Event: refusal.Event}
					},
					describe: func() (settee.Description, error) {
						if n++; n > 1 {
							return describe(c.now), nil
						}
						return describe("1"), nil
					},
				}, func(name string) (json.RawMessage, error) {
					switch name {
					case "A":
						return json.RawMessage(c.class), nil
					case "B":
						return json.RawMessage(`{}`), nil
					}
					return nil, errors.New("no such class")
				}}, time.Second)
				k.leases <- lease("j")
				e := <-k.endings
				if got := string(e.State) + " " + string(e.Reason); got != c.ending {
					t.Errorf("ended %s, want %s", got, c.ending)
				}
				synctest.Wait()
				stop()
				if n != c.described {
					t.Errorf("it described itself %d times, want %d", n, c.described)
				}
			})
		})
	}
}

// A user who cancels while the engine describes itself has cancelled the job.
func TestCancelWhileARefusalIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		l, n := lease("j"), 0
		stop := start(t, k, hanging{describing{
			engineFunc: func(context.Context, engine.Job, engine.Sink) error { return refusal },
		}, &n}, time.Second)
		k.leases <- l
		synctest.Wait()
		k.orders <- []queue.Order{{Attempt: l.Attempt, Reason: settee.ReasonUser}}
		if e := <-k.endings; e.State != settee.Cancelled {
			t.Errorf("ended %s/%s", e.State, e.Reason)
		}
		stop()
	})
}

// hanging is an engine that describes itself once, and then hangs.
type hanging struct {
	describing
	n *int
}

func (h hanging) Describe(ctx context.Context) (settee.Description, error) {
	if *h.n++; *h.n > 1 {
		<-ctx.Done()
		return settee.Description{}, ctx.Err()
	}
	return settee.Description{}, nil
}

// What runs goes on while the job behind it is handed back, and nothing else is
// claimed for the engine that it was.
func TestWhatRunsGoesOnBesideAChangedEngine(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		<-d.opened
		d.fail["at once b"] = refusal
		d.changed = true
		d.submit(of("a", "A", time.Second), of("b", "A", time.Second), of("c", "A", time.Second))
		d.ends(3)
		if id := <-d.opened; id != "b" {
			t.Errorf("opened session %q", id)
		}
		d.want(t, "given ahead start pendingdrained completed",
			"given a 0s, ahead b 0s, given b 0s, pendingdrained b 1ms, completed a 1.001s, given c 1.001s, completed c 2.002s")
	})
}
