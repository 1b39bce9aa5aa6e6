package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// claims is a coordinator whose first claim fails with err.
type claims struct {
	*coordinator
	err error
}

func (c *claims) Claim(ctx context.Context, s queue.Session, ahead bool) (*queue.Lease, error) {
	if err := c.err; err != nil {
		c.err = nil
		return nil, err
	}
	return c.coordinator.Claim(ctx, s, ahead)
}

func nothing(context.Context, engine.Job, engine.Sink) error { return nil }

// A claim whose outcome is unknown may have leased a job that nobody runs: the
// session is closed, which gives it back.
func TestUnheardClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &claims{newCoordinator(), errors.New("the commit was not answered")}
		stop := start(t, k, engineFunc(nothing), time.Second)
		for _, id := range []string{"a", "b"} {
			if got := <-k.opened; got != id {
				t.Fatalf("opened session %q, want %q", got, id)
			}
			if id == "a" {
				if closed := <-k.closed; closed != "a" {
					t.Errorf("closed session %q", closed)
				}
			}
		}
		stop()
	})
}

// A claim that certainly gave nothing is made again in the same session.
func TestClaimWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &claims{newCoordinator(), settee.Faultf(settee.CodeUnavailable, "away")}
		stop := start(t, k, engineFunc(nothing), time.Second)
		k.leases <- lease("j")
		if e := <-k.endings; e.State != settee.Completed {
			t.Errorf("ended %s", e.State)
		}
		stop()
		if id := <-k.opened; id != "a" || len(k.opened) != 0 {
			t.Errorf("opened %q and %d more", id, len(k.opened))
		}
	})
}

// executes is a coordinator that is away for the first executions.
type executes struct {
	*coordinator
	away int
}

func (c *executes) Execute(context.Context, queue.Attempt, engine.Executed) (json.RawMessage, error) {
	if c.away--; c.away >= 0 {
		return nil, settee.Faultf(settee.CodeUnavailable, "away")
	}
	return json.RawMessage(`{"images":[]}`), nil
}

// What a node made is kept until the coordinator takes it.
func TestExecuteIsTriedWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &executes{newCoordinator(), 5}
		stop := start(t, k, engineFunc(func(ctx context.Context, _ engine.Job, out engine.Sink) error {
			text, err := out.Executed(ctx, engine.Executed{Node: "9"})
			if err == nil && string(text) != `{"images":[]}` {
				t.Errorf("output %s", text)
			}
			return err
		}), time.Second)
		k.leases <- lease("j")
		if e := <-k.endings; e.State != settee.Completed {
			t.Errorf("ended %s/%s", e.State, e.Reason)
		}
		stop()
	})
}

// A worker that cannot hand back what runs stops nevertheless.
func TestStopWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCoordinator()
		k.finish = func() error { return settee.Faultf(settee.CodeUnavailable, "away") }
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorker(k, engineFunc(untilStopped), 3*time.Second)
		go func() { ended <- w.Run(ctx) }()
		k.leases <- lease("long")
		synctest.Wait()
		begun := time.Now()
		cancel()
		if err := <-ended; err == nil {
			t.Error("nothing is said of a job that was not handed back")
		}
		if took := time.Since(begun); took != 8*time.Second {
			t.Errorf("took %v, want the grace time and 5 s", took)
		}
	})
}
