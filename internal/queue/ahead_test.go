package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// ahead claims the next job while the session's worker runs another.
func (h *house) ahead(s queue.Session) *queue.Lease {
	h.t.Helper()
	l, err := h.Claim(h.t.Context(), s, true)
	if err != nil || l == nil || !l.Ahead {
		h.t.Fatalf("claim ahead: %+v, %v", l, err)
	}
	return l
}

func (h *house) start(l *queue.Lease) time.Time {
	h.t.Helper()
	deadline, err := h.Start(h.t.Context(), l.Attempt)
	if err != nil {
		h.t.Fatalf("start: %v", err)
	}
	return deadline
}

// number is the answer to a question of one number.
func (h *house) number(query string, args ...any) (n float64) {
	h.t.Helper()
	if err := h.db.Read(h.t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&n) }); err != nil {
		h.t.Fatal(err)
	}
	return n
}

const passOfA = `SELECT pass FROM account_queue WHERE account_id = 'a'`

// A job that lies ahead counts against the limit, and everybody sees it wait
// until it starts: then its time begins.
func TestAhead(t *testing.T) {
	each(t, settee.Tier{Concurrent: 2, RuntimeCap: time.Minute}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		if l, err := h.Claim(t.Context(), s, true); l != nil || err != nil {
			t.Fatalf("claimed %+v ahead of nothing, %v", l, err)
		}
		for _, p := range []string{"p", "q", "r"} {
			h.submit("a", p)
		}
		h.claim(s)
		h.bus.take("a")
		l := h.ahead(s)
		wantText(t, "claimed", l.PromptID, "q")
		if !l.Deadline.IsZero() || string(l.Graph.Prompt) == "" {
			t.Fatalf("leased %+v", l)
		}
		h.none(h.open("w2", "native"))
		wantLines(t, h.bus.take("a"))
		if c, err := h.Counts(t.Context(), "a"); err != nil || c.Pending != 2 || c.Running != 1 {
			t.Fatalf("counts %+v, %v", c, err)
		}
		running, pending, err := h.Live(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "live", prompts(running, detailID)+", "+prompts(pending, detailID), "p, q r")
		if j := h.job("a", "q"); j.State != settee.Pending || j.Attempt != 0 || !j.StartedAt.IsZero() {
			t.Fatalf("ahead: %+v", j)
		}

		wantCode(t, h.Report(t.Context(), l.Attempt, []settee.Frame{{Type: settee.EventStart}}), settee.CodeConflict)
		_, err = h.Execute(t.Context(), l.Attempt, image("9", "x"))
		wantCode(t, err, settee.CodeConflict)
		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l)), settee.CodeConflict)
		wantLines(t, h.bus.take("a"))

		h.clock.Advance(5 * time.Second)
		for range 2 { // its answer may have been lost
			if got := h.start(l); !got.Equal(start.Add(65 * time.Second)) {
				t.Fatalf("must have ended by %v", got)
			}
			wantLines(t, h.bus.take("a"), status("3"))
			h.clock.Advance(time.Second)
		}
		if j := h.job("a", "q"); j.State != settee.InProgress || j.Attempt != 1 || !j.StartedAt.Equal(start.Add(5*time.Second)) {
			t.Fatalf("started: %+v", j)
		}
		h.execute(l, image("9", "x"))
		h.finish(l, success(l))
		_, err = h.Start(t.Context(), l.Attempt)
		wantCode(t, err, settee.CodeLeaseLost)
		if seconds := h.number(`SELECT seconds FROM attempts WHERE job_id = $1`, l.Attempt.JobID); seconds != 2 {
			t.Fatalf("%v s are on the bill, want the 2 s that it ran", seconds)
		}
		wantText(t, "claimed", h.ahead(s).PromptID, "r")
		h.consistent()
	})
}

// Another's attempt is not to be started, nor one of a session that is over.
func TestStartIsFenced(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		s := h.open("w1", "native")
		l := h.ahead(s)
		for _, a := range []queue.Attempt{
			{JobID: l.Attempt.JobID, N: 1, SessionID: h.open("w2", "native").ID},
			{JobID: l.Attempt.JobID, N: 2, SessionID: s.ID},
			{JobID: "none", N: 1, SessionID: s.ID},
		} {
			_, err := h.Start(t.Context(), a)
			wantCode(t, err, settee.CodeLeaseLost)
		}
		if err := h.db.CloseSession(t.Context(), s.ID, settee.ReasonLost, h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := h.Start(t.Context(), l.Attempt)
		wantCode(t, err, settee.CodeLeaseLost)
		wantText(t, "state", string(h.job("a", "p").State), "pending")
	})
}

// A job that lies ahead is cancelled as one that waits: at once, without a trace
// in history, and its worker drops it.
func TestCancelAhead(t *testing.T) {
	for what, cancel := range map[string]func(h *house) error{
		"cancel": func(h *house) error { _, err := h.Cancel(h.t.Context(), "a", "q"); return err },
		"delete": func(h *house) error { _, err := h.DeletePending(h.t.Context(), "a", []string{"q"}); return err },
		"clear":  func(h *house) error { _, err := h.ClearPending(h.t.Context(), "a"); return err },
	} {
		t.Run(what, func(t *testing.T) {
			each(t, settee.Tier{}, func(t *testing.T, h *house) {
				h.submit("a", "p")
				h.submit("a", "q")
				s := h.open("w1", "native")
				p, q := h.claim(s), h.ahead(s)
				if err := h.Interrupt(t.Context(), "a", "q"); err != nil || h.job("a", "q").CancelRequested {
					t.Fatalf("a job that waits was interrupted: %v", err)
				}
				h.bus.take("a")
				if err := cancel(h); err != nil {
					t.Fatal(err)
				}
				wantLines(t, h.bus.take("a"), status("1"))
				j := h.job("a", "q")
				wantText(t, "state", string(j.State)+" "+string(j.Reason), "cancelled cancelled")
				if past, err := h.History(t.Context(), "a", record.Everything, -1); err != nil || len(past) != 0 {
					t.Fatalf("history %v, %v", past, err)
				}
				orders, err := h.Renew(t.Context(), s)
				if want := (queue.Order{Attempt: q.Attempt, Reason: settee.ReasonUser}); err != nil || len(orders) != 1 || orders[0] != want {
					t.Fatalf("orders %+v, %v", orders, err)
				}
				_, err = h.Start(t.Context(), q.Attempt)
				wantCode(t, err, settee.CodeLeaseLost)
				h.finish(p, success(p))
				h.consistent()
			})
		})
	}
}

// Losing or handing back what has not started counts for nothing: the job has its
// place and its tries, however often.
func TestLostAhead(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		h.submit("a", "q")
		before := h.number(passOfA)
		for range 4 {
			h.ahead(h.open("w1", "native"))
			if h.number(passOfA) <= before {
				t.Fatal("what lies ahead does not count for the account's share")
			}
			h.clock.Advance(16 * time.Second)
			h.reap()
		}
		s := h.open("w1", "native")
		for _, reason := range []settee.Reason{settee.ReasonDrained, settee.ReasonLost} {
			l := h.ahead(s)
			wantText(t, "first", l.PromptID, "p")
			h.bus.take("a")
			h.finish(l, queue.Ending{State: settee.Pending, Reason: reason})
			wantLines(t, h.bus.take("a"), status("2"))
		}
		if after := h.number(passOfA); after != before {
			t.Fatalf("pass %v, was %v: what never ran is charged", after, before)
		}
		l := h.claim(s)
		if l.PromptID != "p" || l.Attempt.N != 7 {
			t.Fatalf("claimed %+v", l.Attempt)
		}
		h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonLost})
		wantText(t, "state", string(h.job("a", "p").State), "pending")
		h.consistent()
	})
}

// Somebody with thousands of jobs delays another's first by the jobs that run,
// one a worker, and by nothing that lies ahead; what was taken back is charged to
// nobody, and keeps its place.
func TestFloodDelaysByWhatRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, name := range []string{"a", "z"} { // neither name comes first
			h := newHouse(t, db)
			flood, guest := name+"-flood-"+name, "m-guest-"+name
			storetest.Account(t, db, flood, settee.Tier{})
			storetest.Account(t, db, guest, settee.Tier{})
			lane := func(s *queue.Submission) { s.Lane = queue.Lane("pool-" + name) }
			for i := range 100 {
				h.submit(flood, fmt.Sprint(i), lane)
			}
			var sessions []queue.Session
			var running, lies []*queue.Lease
			for i := range 2 {
				s := h.open(fmt.Sprint(name, i), "pool-"+name)
				sessions = append(sessions, s)
				running, lies = append(running, h.claim(s)), append(lies, h.ahead(s))
			}
			h.clock.Advance(10 * time.Millisecond)
			h.submit(guest, "first", lane)
			revoked := -1
			for i, s := range sessions {
				if orders, err := h.db.DroppedAttempts(t.Context(), s.ID, start); err != nil || len(orders) > 1 {
					t.Fatalf("orders %+v, %v", orders, err)
				} else if len(orders) == 1 {
					revoked = i
				}
			}
			if revoked < 0 {
				t.Fatal("what lies ahead delays the guest")
			}
			orders, err := h.Renew(t.Context(), sessions[revoked])
			if want := (queue.Order{Attempt: lies[revoked].Attempt, Reason: settee.ReasonRevoked}); err != nil || len(orders) != 1 || orders[0] != want {
				t.Fatalf("orders %+v, %v", orders, err)
			}
			_, err = h.Start(t.Context(), lies[revoked].Attempt)
			wantCode(t, err, settee.CodeLeaseLost)
			h.finish(running[revoked], success(running[revoked]))
			wantText(t, "next", h.claim(sessions[revoked]).AccountID, guest)
			again := h.ahead(sessions[revoked])
			wantText(t, "then", again.AccountID+" "+again.PromptID, flood+" "+lies[revoked].PromptID)
			h.start(lies[1-revoked])
			for _, s := range sessions {
				if err := h.Close(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			h.consistent()
		}
	})
}

// What lies ahead goes to a worker that has nothing to do, after a moment; while
// one waits nothing is claimed ahead.
func TestIdleWorkerTakesWhatLiesAhead(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		h.submit("a", "q")
		busy, idle := h.open("w1", "native"), h.open("w2", "native")
		h.claim(busy)
		l := h.ahead(busy)
		h.clock.Advance(900 * time.Millisecond)
		h.none(idle)
		h.none(busy)
		h.clock.Advance(100 * time.Millisecond)
		h.none(busy)
		got := h.claim(idle)
		if got.PromptID != "q" || got.Attempt.N != 2 || got.Ahead {
			t.Fatalf("claimed %+v", got.Attempt)
		}
		_, err := h.Start(t.Context(), l.Attempt)
		wantCode(t, err, settee.CodeLeaseLost)
		h.consistent()
	})
}

// An operator who drains a worker gets back at once what lies ahead there: it has
// its place and its tries, and another worker takes it; what runs goes on. One that
// was just being claimed is back within the reaper's second.
func TestDrainTakesBackWhatLiesAhead(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		for _, p := range []string{"p", "q", "r"} {
			h.submit("a", p)
		}
		busy, other := h.open("w1", "native"), h.open("w2", "native")
		p, q := h.claim(busy), h.ahead(busy)
		w, err := h.Drain(t.Context(), "w1", true)
		if err != nil || !w.Drained || w.Running != 1 {
			t.Fatalf("drained %+v, %v", w, err)
		}
		orders, err := h.Renew(t.Context(), busy)
		if want := (queue.Order{Attempt: q.Attempt, Reason: settee.ReasonRevoked}); err != nil || len(orders) != 1 || orders[0] != want {
			t.Fatalf("orders %+v, %v", orders, err)
		}
		_, err = h.Start(t.Context(), q.Attempt)
		wantCode(t, err, settee.CodeLeaseLost)
		got := h.claim(other)
		wantText(t, "the other worker's", got.PromptID, "q")
		h.finish(p, success(p))
		h.finish(got, success(got))

		if _, err = h.Drain(t.Context(), "w1", false); err != nil {
			t.Fatal(err)
		}
		late := h.ahead(busy)
		if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE workers SET drained = $1 WHERE name = 'w1'`, true) // as it was claimed
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.none(other)
		h.reap()
		if got = h.claim(other); got.PromptID != late.PromptID || got.Attempt.N != 2 {
			t.Fatalf("claimed %+v", got)
		}
		h.consistent()
	})
}

// looks is a store that tells when somebody has looked for a job.
type looks struct {
	queue.Store
	looked chan struct{}
}

func (s looks) ClaimJob(ctx context.Context, ses queue.Session, ahead bool, now time.Time) (*queue.Claim, error) {
	c, err := s.Store.ClaimJob(ctx, ses, ahead, now)
	s.looked <- struct{}{}
	return c, err
}

// While a worker waits for a job nobody claims one ahead: it is the waiting one's.
func TestNothingIsClaimedAheadOfAnIdleWorker(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		busy, idle := h.open("w1", "native"), h.open("w2", "native")
		store := looks{h.db, make(chan struct{}, 8)}
		q := queue.New(store, h.bus, queue.Options{Now: h.clock.Now, Poll: time.Hour})
		got := make(chan *queue.Lease)
		go func() {
			l, err := given(q.Claim(context.Background(), idle, false))
			if err != nil {
				t.Error(err)
			}
			got <- l
		}()
		<-store.looked
		if _, err := q.Drain(t.Context(), "w2", false); err != nil { // a hint: it looks once more
			t.Fatal(err)
		}
		<-store.looked
		h.submit("a", "p") // on another server, whose hint is lost
		if l, err := q.Claim(t.Context(), busy, true); l != nil || err != nil {
			t.Fatalf("claimed %+v ahead, %v", l, err)
		}
		if _, err := q.Drain(t.Context(), "w2", false); err != nil {
			t.Fatal(err)
		}
		wantText(t, "claimed", (<-got).PromptID, "p")
	})
}

// Whoever comes first, a start, a cancel and another account's job agree on who
// has a job.
func TestStartRaces(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		for i := range 20 {
			h.submit("a", fmt.Sprint("runs", i))
			running := h.claim(s)
			p := fmt.Sprint("p", i)
			h.submit("a", p)
			l := h.ahead(s)
			var did sync.WaitGroup
			var started, cancelled error
			did.Go(func() { _, started = h.Start(context.Background(), l.Attempt) })
			did.Go(func() { _, cancelled = h.Cancel(context.Background(), "a", p) })
			did.Go(func() { h.submit("b", p) })
			did.Wait()
			if cancelled != nil {
				t.Fatal(cancelled)
			}
			switch j := h.job("a", p); {
			case started == nil && j.State == settee.InProgress && j.CancelRequested:
				h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained})
			case settee.CodeOf(started) == settee.CodeLeaseLost && j.State == settee.Cancelled:
			default:
				t.Fatalf("started: %v, and the job is %+v", started, j)
			}
			h.finish(running, success(running))
			next := h.claim(s)
			wantText(t, "next", next.AccountID, "b")
			h.finish(next, success(next))
			h.consistent()
		}
	})
}
