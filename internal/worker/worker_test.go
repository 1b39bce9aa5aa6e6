package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/worker"
)

// coordinator hands out what a test puts into its channels and tells what a
// worker did.
type coordinator struct {
	leases  chan *queue.Lease
	orders  chan []queue.Order
	lost    chan struct{} // a value makes Renew say that the session is lost
	endings chan queue.Ending
	opened  chan string
	closed  chan string
	finish  func() error // nil: accept
	n       int
}

func newCoordinator() *coordinator {
	return &coordinator{leases: make(chan *queue.Lease, 8), orders: make(chan []queue.Order, 1), lost: make(chan struct{}, 1),
		endings: make(chan queue.Ending, 8), opened: make(chan string, 8), closed: make(chan string, 8)}
}

func (c *coordinator) Open(_ context.Context, _, pool string, d settee.Description) (queue.Session, error) {
	c.n++
	s := queue.Session{ID: string(rune('a' + c.n - 1)), Pool: pool, Depth: d.Depth}
	c.opened <- s.ID
	return s, nil
}

func (c *coordinator) Claim(ctx context.Context, _ queue.Session, _ bool) (*queue.Lease, error) {
	select {
	case l := <-c.leases:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *coordinator) Start(context.Context, queue.Attempt) (time.Time, error) {
	return time.Time{}, nil
}

func (c *coordinator) Renew(ctx context.Context, _ queue.Session) ([]queue.Order, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-c.orders:
		return o, nil
	case <-c.lost:
		return nil, settee.Faultf(settee.CodeLeaseLost, "gone")
	case <-time.After(5 * time.Second):
		return nil, nil
	}
}

func (c *coordinator) Report(context.Context, queue.Attempt, []settee.Frame) error { return nil }

func (c *coordinator) Execute(context.Context, queue.Attempt, engine.Executed) (json.RawMessage, error) {
	return json.RawMessage("{}"), nil
}

func (c *coordinator) Finish(_ context.Context, _ queue.Attempt, e queue.Ending, _ ...queue.Step) error {
	if c.finish != nil {
		if err := c.finish(); err != nil {
			return err
		}
	}
	c.endings <- e
	return nil
}

func (c *coordinator) Close(_ context.Context, s queue.Session) error {
	c.closed <- s.ID
	return nil
}

type files struct{}

func (files) Put(context.Context, io.Reader) (engine.Bytes, error)    { return engine.Bytes{}, nil }
func (files) Keep(context.Context, engine.Bytes) error                { return nil }
func (files) Open(context.Context, string) (io.ReadSeekCloser, error) { return nil, errors.New("none") }

// engineFunc is an engine of depth 1 whose Run is the function.
type engineFunc func(ctx context.Context, job engine.Job, out engine.Sink) error

func (engineFunc) Describe(context.Context) (settee.Description, error) {
	return settee.Description{Engine: "test", Depth: 1}, nil
}
func (f engineFunc) Run(ctx context.Context, job engine.Job, out engine.Sink) error {
	return f(ctx, job, out)
}

func lease(id string) *queue.Lease {
	return &queue.Lease{Attempt: queue.Attempt{JobID: id, N: 1, SessionID: "a"}, PromptID: id,
		Graph: settee.Graph{Prompt: json.RawMessage(`{}`), ExtraData: json.RawMessage(`{}`)}}
}

func newWorker(c worker.Coordinator, e engine.Engine, grace time.Duration) *worker.Worker {
	return worker.New(c, files{}, e, worker.Options{Name: "w", Pool: "p", Grace: grace, Log: slog.New(slog.DiscardHandler)})
}

// start runs a worker until the returned stop is called; stop waits for its end.
func start(t *testing.T, c worker.Coordinator, e engine.Engine, grace time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorker(c, e, grace)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	}
}

func untilStopped(ctx context.Context, _ engine.Job, _ engine.Sink) error {
	<-ctx.Done()
	return &engine.Interrupted{Event: settee.Event{Type: settee.EventInterrupted, Data: json.RawMessage(`{"node_id":"7"}`)}}
}

func TestEndings(t *testing.T) {
	failure := &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{"node_id":"3"}`)}}
	for _, c := range []struct {
		name   string
		run    engineFunc
		order  settee.Reason // given once the run has begun
		state  settee.JobState
		reason settee.Reason
		event  string
		data   string
	}{
		{"success", func(context.Context, engine.Job, engine.Sink) error { return nil }, "",
			settee.Completed, settee.ReasonNone, settee.EventSuccess, `{"prompt_id":"j"}`},
		{"a node raises", func(context.Context, engine.Job, engine.Sink) error { return failure }, "",
			settee.Failed, settee.ReasonError, settee.EventError, `{"node_id":"3"}`},
		{"the user cancels", untilStopped, settee.ReasonUser,
			settee.Cancelled, settee.ReasonUser, settee.EventInterrupted, `{"node_id":"7"}`},
		{"time is up", untilStopped, settee.ReasonTimeout,
			settee.Failed, settee.ReasonTimeout, settee.EventError, ""},
		{"the engine breaks", func(context.Context, engine.Job, engine.Sink) error { return io.ErrUnexpectedEOF }, "",
			settee.Pending, settee.ReasonLost, "", ""},
		{"the engine panics", func(context.Context, engine.Job, engine.Sink) error { panic("boom") }, "",
			settee.Pending, settee.ReasonLost, "", ""},
		{"a success that came before the cancel", func(ctx context.Context, _ engine.Job, _ engine.Sink) error { <-ctx.Done(); return nil }, settee.ReasonUser,
			settee.Completed, settee.ReasonNone, settee.EventSuccess, `{"prompt_id":"j"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newCoordinator()
				stop := start(t, k, c.run, time.Second)
				l := lease("j")
				k.leases <- l
				synctest.Wait()
				if c.order != "" {
					k.orders <- []queue.Order{{Attempt: l.Attempt, Reason: c.order}}
				}
				e := <-k.endings
				if e.State != c.state || e.Reason != c.reason || e.Event.Type != c.event {
					t.Errorf("ended %s/%s with %q", e.State, e.Reason, e.Event.Type)
				}
				if c.data != "" && string(e.Event.Data) != c.data {
					t.Errorf("event data %s, want %s", e.Event.Data, c.data)
				}
				stop()
				if id := <-k.closed; id != "a" {
					t.Errorf("closed session %q", id)
				}
			})
		})
	}
}

func TestOrderStopsOnlyItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		release := make(chan struct{})
		stop := start(t, k, engineFunc(func(ctx context.Context, _ engine.Job, _ engine.Sink) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-release:
				return nil
			}
		}), time.Second)
		k.leases <- lease("mine")
		synctest.Wait()
		k.orders <- []queue.Order{{Attempt: queue.Attempt{JobID: "other", N: 1, SessionID: "a"}, Reason: settee.ReasonUser}}
		synctest.Wait()
		close(release)
		if e := <-k.endings; e.State != settee.Completed {
			t.Errorf("another job's order ended this one as %s", e.State)
		}
		stop()
	})
}

func TestDrainHandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		stop := start(t, k, engineFunc(untilStopped), 3*time.Second)
		k.leases <- lease("long")
		synctest.Wait()
		begun := time.Now()
		stop()
		if e := <-k.endings; e.State != settee.Pending || e.Reason != settee.ReasonDrained {
			t.Errorf("ended %s/%s, want it handed back", e.State, e.Reason)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("gave it %v, want the grace time of 3 s", took)
		}
	})
}

func TestLostSessionStopsItsJobsAndOpensAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		k.finish = func() error { return settee.Faultf(settee.CodeLeaseLost, "gone") }
		stop := start(t, k, engineFunc(untilStopped), time.Second)
		if id := <-k.opened; id != "a" {
			t.Fatalf("first session %q", id)
		}
		k.leases <- lease("j")
		synctest.Wait()
		k.lost <- struct{}{}
		if id := <-k.opened; id != "b" {
			t.Errorf("second session %q", id)
		}
		if len(k.endings) > 0 {
			t.Error("a lost attempt was reported as ended")
		}
		stop()
	})
}

func TestFinishIsTriedUntilTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		tries := 0
		k.finish = func() error {
			if tries++; tries < 4 {
				return errors.New("the database is away")
			}
			return nil
		}
		stop := start(t, k, engineFunc(func(context.Context, engine.Job, engine.Sink) error { return nil }), time.Second)
		k.leases <- lease("j")
		if e := <-k.endings; e.State != settee.Completed || tries != 4 {
			t.Errorf("ended %s after %d tries", e.State, tries)
		}
		stop()
	})
}

// describing is an engine that says what the function says.
type describing struct {
	engineFunc
	describe func() (settee.Description, error)
}

func (d describing) Describe(context.Context) (settee.Description, error) { return d.describe() }

func TestTroubledEngineDescribesItselfBeforeTheNextJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		up, described := true, 0
		e := describing{
			engineFunc: func(context.Context, engine.Job, engine.Sink) error { up = false; return io.ErrUnexpectedEOF },
			describe: func() (settee.Description, error) {
				if described++; !up && described < 4 {
					return settee.Description{}, errors.New("down")
				}
				up = true
				return settee.Description{Depth: 1}, nil
			},
		}
		stop := start(t, k, e, time.Second)
		<-k.opened
		k.leases <- lease("j")
		if got := <-k.endings; got.State != settee.Pending || got.Reason != settee.ReasonLost {
			t.Errorf("ended %s/%s", got.State, got.Reason)
		}
		if id := <-k.opened; id != "b" || described != 4 {
			t.Errorf("session %q after %d descriptions, want b after 4", id, described)
		}
		stop()
	})
}

func TestAChangedEngineIsAnnouncedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		begun := time.Now()
		e := describing{
			engineFunc: func(context.Context, engine.Job, engine.Sink) error { return nil },
			describe: func() (settee.Description, error) {
				d := settee.Description{Depth: 1, Definitions: json.RawMessage(`{"A":{}}`)}
				if time.Since(begun) > 12*time.Minute {
					d.Definitions = json.RawMessage(`{"A":{},"B":{}}`)
				}
				return d, nil
			},
		}
		stop := start(t, k, e, time.Second)
		<-k.opened
		<-k.opened
		if after := time.Since(begun); after != 15*time.Minute {
			t.Errorf("announced again after %v, want 15 min", after)
		}
		stop()
	})
}
