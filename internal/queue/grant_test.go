package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// early is a store that steps in when a submit has told the claim that it takes along.
type early struct {
	queue.Store
	told func(c *queue.Claim, tell func(*queue.Claim)) // instead of tell(c)
	end  error                                         // of every submit, which is not done then
}

func (e early) SubmitJob(ctx context.Context, id string, s queue.Submission, idle *queue.Idle, now time.Time) (queue.Submitted, error) {
	if idle != nil && e.end != nil {
		idle.Soon(&queue.Claim{Lease: queue.Lease{Attempt: queue.Attempt{JobID: id, N: 1, SessionID: idle.ID}}})
		return queue.Submitted{}, e.end
	}
	if idle != nil {
		tell := idle.Soon
		idle = &queue.Idle{Session: idle.Session, Soon: func(c *queue.Claim) { e.told(c, tell) }}
	}
	return e.Store.SubmitJob(ctx, id, s, idle, now)
}

func (h *house) through(e early) {
	e.Store = h.db
	h.Service = queue.New(e, h.bus, queue.Options{Now: h.clock.Now, Poll: time.Hour, Log: slog.New(slog.DiscardHandler)})
}

// seekEarly is seek for a lease that is used before it is known to be given.
func (h *house) seekEarly(s queue.Session) <-chan answer {
	h.t.Helper()
	got := make(chan answer, 1)
	go func() {
		l, err := h.Claim(context.Background(), s, false)
		got <- answer{l, err}
	}()
	h.idle(1)
	return got
}

// A claim that a submit takes along goes on while that is written down, when nobody
// else can see the job yet.
func TestAClaimGoesOnBeforeTheCommit(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		written := make(chan struct{})
		h.through(early{told: func(c *queue.Claim, tell func(*queue.Claim)) {
			tell(c)
			<-written
		}})
		got := h.seekEarly(h.open("w1", "native"))
		h.bus.take("a")
		submitted := make(chan error, 1)
		go func() {
			_, err := h.trySubmit("a", "p")
			submitted <- err
		}()
		l := h.gets(got)
		wantText(t, "prompt", l.Graph.Prompt, `{"9": {"class_type":"SaveImage"}}`)
		if l.Grant.Given() {
			t.Error("it is given already")
		}
		if _, err := h.Status(t.Context(), "a", "p"); settee.CodeOf(err) != settee.CodeNotFound {
			t.Errorf("its status: %v", err)
		}
		wantLines(t, h.bus.take("a"))
		close(written)
		if err := l.Grant.Wait(t.Context()); err != nil || !l.Grant.Given() {
			t.Errorf("grant: %v", err)
		}
		wantLines(t, h.bus.take("a"), status("1"), status("1"))
		h.finish(l, success(l))
		if err := <-submitted; err != nil {
			t.Error(err)
		}
		h.consistent()
	})
}

// A submit that cannot be written down takes its word back.
func TestAClaimWhoseCommitFails(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		full := errors.New("the disk is full")
		h.through(early{end: full})
		got := h.seekEarly(h.open("w1", "native"))
		if _, err := h.trySubmit("a", "p"); !errors.Is(err, full) {
			t.Errorf("submit: %v", err)
		}
		l := h.gets(got)
		if err := l.Grant.Wait(t.Context()); !errors.Is(err, full) || l.Grant.Given() {
			t.Errorf("grant: %v", err)
		}
		if err := h.Finish(t.Context(), l.Attempt, success(l)); settee.CodeOf(err) != settee.CodeLeaseLost {
			t.Errorf("finish: %v", err)
		}
		h.consistent()
	})
}

// A unit that is run again may lease something else than the session was told: the
// session is to end, and what it was leased goes to another.
func TestAClaimThatComesOutOtherwise(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.through(early{told: func(c *queue.Claim, tell func(*queue.Claim)) {
			other := *c
			other.Attempt.JobID = "other"
			tell(&other)
			tell(c)
		}})
		s := h.open("w1", "native")
		got := h.seekEarly(s)
		h.submit("a", "p")
		l := h.gets(got)
		if err := l.Grant.Wait(t.Context()); err == nil || l.Attempt.JobID != "other" {
			t.Errorf("grant of %s: %v", l.Attempt.JobID, err)
		}
		if err := h.Close(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		wantText(t, "claimed", h.claim(h.open("w2", "native")).PromptID, "p")
		h.consistent()
	})
}

// Who asks for a grant need not wait for it.
func TestAGrantThatIsNotWaitedFor(t *testing.T) {
	g, settle := queue.NewGrant()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: %v", err)
	}
	settle(nil)
	if err := g.Wait(t.Context()); err != nil {
		t.Errorf("wait: %v", err)
	}
}
