package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// Never more running jobs than the tier allows, however many claim; every job
// runs once.
func TestLimitUnderManyClaimers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		limits := map[string]int64{"a": 1, "b": 2, "c": 3}
		const each = 12
		for id, n := range limits {
			storetest.Account(t, db, id, settee.Tier{Concurrent: int(n)})
			for i := range each {
				h.submit(id, fmt.Sprint(id, i))
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var (
			wg      sync.WaitGroup
			done    atomic.Int64
			running = map[string]*atomic.Int64{"a": {}, "b": {}, "c": {}}
			ran     sync.Map
		)
		// Two servers share the database; only hints wake (the poll is an hour).
		for i, server := range []*queue.Service{h.Service, h.boot("")} {
			run, stop := context.WithCancel(context.Background())
			defer stop()
			ready := make(chan struct{})
			wg.Go(func() { close(ready); _ = server.Run(run) })
			<-ready
			for j := range 6 {
				s, err := server.Open(t.Context(), fmt.Sprint("w", i, j), "native", settee.Description{})
				if err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					for {
						l, err := given(server.Claim(ctx, s, false))
						if err != nil {
							if !errors.Is(err, context.Canceled) {
								t.Error("claim:", err)
								cancel()
							}
							return
						}
						if n := running[l.AccountID].Add(1); n > limits[l.AccountID] {
							t.Errorf("%d jobs of %s run, its limit is %d", n, l.AccountID, limits[l.AccountID])
						}
						if _, again := ran.LoadOrStore(l.PromptID, true); again {
							t.Errorf("%s ran twice", l.PromptID)
						}
						h.withinLimits()
						running[l.AccountID].Add(-1) // before the others may start
						if err := server.Finish(context.Background(), l.Attempt, success(l)); err != nil {
							t.Error("finish:", err)
						}
						if done.Add(1) == each*int64(len(limits)) {
							cancel()
						}
					}
				})
			}
			go func() { <-ctx.Done(); stop() }()
		}
		wg.Wait()
		if n := done.Load(); n != each*int64(len(limits)) {
			t.Fatalf("%d jobs ran", n)
		}
		h.consistent()
	})
}

// withinLimits checks that no account runs more than its tier allows.
func (h *house) withinLimits() {
	err := h.db.Read(context.Background(), func(tx *store.Tx) error {
		over, err := store.Collect(tx, store.One[string], `SELECT a.id FROM accounts a JOIN tiers t ON t.name = a.tier
			WHERE t.concurrent > 0 AND t.concurrent <
				(SELECT COUNT(*) FROM jobs j WHERE j.account_id = a.id AND j.state = 'in_progress')`)
		if len(over) > 0 {
			h.t.Errorf("%q are over their limits", over)
		}
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
}

// consistent checks what is counted against what is there.
func (h *house) consistent() {
	h.t.Helper()
	err := h.db.Read(h.t.Context(), func(tx *store.Tx) error {
		for what, query := range map[string]string{
			"running": `SELECT q.account_id FROM account_queue q WHERE q.running - q.ahead <>
				(SELECT COUNT(*) FROM jobs j WHERE j.account_id = q.account_id AND j.state = 'in_progress')`,
			"ahead": `SELECT q.account_id FROM account_queue q WHERE q.ahead <>
				(SELECT COUNT(*) FROM jobs j JOIN attempts t ON t.job_id = j.id AND t.n = j.held
					WHERE j.account_id = q.account_id AND j.state = 'pending' AND t.started_at IS NULL AND t.ended_at IS NULL)`,
			"held": `SELECT j.id FROM jobs j WHERE j.held > 0 AND (j.state <> 'pending' OR j.held <= j.attempt)`,
			"attempts": `SELECT q.account_id FROM account_queue q WHERE q.running <>
				(SELECT COUNT(*) FROM attempts t WHERE t.account_id = q.account_id AND t.ended_at IS NULL)`,
			"queued": `SELECT q.account_id FROM account_queue q WHERE q.queued + q.ahead <>
				(SELECT COUNT(*) FROM jobs j WHERE j.account_id = q.account_id AND j.state = 'pending')`,
			"lanes": `SELECT l.account_id FROM lanes l WHERE l.queued <>
				(SELECT COUNT(*) FROM jobs j WHERE j.account_id = l.account_id AND j.lane = l.lane AND j.state = 'pending' AND j.held = 0)`,
			"ready": `SELECT l.account_id FROM lanes l JOIN account_queue q ON q.account_id = l.account_id
				JOIN accounts a ON a.id = l.account_id JOIN tiers t ON t.name = a.tier
				WHERE l.queued > 0 AND l.pass <> q.pass OR l.ready <> (l.queued > 0 AND (t.concurrent = 0 OR q.running < t.concurrent))`,
			"limit": `SELECT q.account_id FROM account_queue q JOIN accounts a ON a.id = q.account_id
				JOIN tiers t ON t.name = a.tier WHERE t.concurrent > 0 AND q.running > t.concurrent`,
			"counts": `SELECT c.account_id || ' ' || c.state FROM job_counts c WHERE c.n <>
				(SELECT COUNT(*) FROM jobs j WHERE j.account_id = c.account_id AND j.state = c.state AND j.hidden_at IS NULL)`,
			"results": `SELECT j.id FROM jobs j WHERE j.ended_at IS NOT NULL AND j.attempt > 0
				AND NOT EXISTS (SELECT 1 FROM job_results r WHERE r.job_id = j.id)`,
			"secrets": `SELECT j.id FROM jobs j JOIN job_graphs g ON g.job_id = j.id WHERE j.ended_at IS NOT NULL AND g.secrets IS NOT NULL`,
		} {
			wrong, err := store.Collect(tx, store.One[string], query)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if len(wrong) > 0 {
				h.t.Errorf("%s are wrong for %q", what, wrong)
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// Shares follow worker time over weight, not the number of jobs: with jobs of 1
// and of 5 seconds, and weights 1 and 2, no account gets ahead of another by
// more than a few of its jobs.
func TestFairness(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		takes := map[string]float64{"a": 1, "b": 5, "c": 5}
		weight := map[string]float64{"a": 1, "b": 1, "c": 2}
		for _, id := range []string{"a", "b", "c"} {
			storetest.Account(t, db, id, settee.Tier{Weight: weight[id]})
			for i := range 90 {
				h.submit(id, fmt.Sprint(id, i))
			}
		}
		s := h.open("w1", "native")
		share := map[string]float64{}
		for range 90 {
			l := h.claim(s)
			h.clock.Advance(time.Duration(takes[l.AccountID] * float64(time.Second)))
			if err := h.db.RenewSession(t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
				t.Fatal(err)
			}
			h.finish(l, success(l))
			share[l.AccountID] += takes[l.AccountID] / weight[l.AccountID]
			for x := range share {
				for y := range share {
					if math.Abs(share[x]-share[y]) > 12 {
						t.Fatalf("shares %v", share)
					}
				}
			}
		}
		if share["a"] < 40 {
			t.Fatalf("shares %v: somebody starves", share)
		}
	})
}

// Who comes back does not get what it did not use, and does not wait for what
// it once used.
func TestComingBack(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		spend := func(want string) {
			t.Helper()
			l := h.claim(s)
			wantText(t, "claimed", l.AccountID, want)
			h.clock.Advance(10 * time.Second)
			h.finish(l, success(l))
		}
		for i := range 20 {
			h.submit("a", fmt.Sprint(i))
		}
		for range 10 {
			spend("a")
			if err := h.db.RenewSession(t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			h.submit("b", fmt.Sprint(i))
		}
		got := ""
		for range 8 {
			l := h.claim(s)
			got += l.AccountID
			h.clock.Advance(10 * time.Second)
			if err := h.db.RenewSession(t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
				t.Fatal(err)
			}
			h.finish(l, success(l))
		}
		if got != "abababab" && got != "babababa" && got != "baababab" {
			t.Fatalf("ran %s, want turns", got)
		}
	})
}

// A worker takes jobs of every lane its pool serves and of no other.
func TestLanes(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		lane := func(l queue.Lane) func(*queue.Submission) {
			return func(s *queue.Submission) { s.Lane = l }
		}
		h.submit("a", "gpu", lane("gpu"))
		h.submit("a", "both", lane("gpu+native"))
		h.submit("a", "native", lane("native"))
		native, gpu := h.open("n", "native"), h.open("g", "gpu")
		wantText(t, "native takes", h.claim(native).PromptID, "both")
		wantText(t, "native takes", h.claim(native).PromptID, "native")
		h.none(native)
		wantText(t, "gpu takes", h.claim(gpu).PromptID, "gpu")
		h.none(gpu)
		h.consistent()
	})
}

// A waiting claim wakes when a job comes and when a slot of its account gets
// free, without a poll.
func TestClaimWakes(t *testing.T) {
	each(t, settee.Tier{Concurrent: 1}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		got := make(chan *queue.Lease)
		wait := func() {
			go func() {
				l, err := given(h.Claim(context.Background(), s, false))
				if err != nil {
					t.Error(err)
				}
				got <- l
			}()
		}
		wait()
		h.submit("a", "p")
		h.submit("a", "q")
		p := <-got
		wait()
		h.finish(p, success(p))
		wantText(t, "claimed", (<-got).PromptID, "q")
	})
}

// A claim whose context ends says so, and a drained worker gets nothing.
func TestClaimEnds(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := h.Claim(ctx, s, false)
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("claim: %v", err)
		}
		h.submit("a", "p")
		if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE workers SET drained = $1`, true)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.none(s)
	})
}

// When an operator raises a tier's limit, the reaper lets more jobs run.
func TestTierChange(t *testing.T) {
	each(t, settee.Tier{Concurrent: 1}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		h.submit("a", "p")
		h.submit("a", "q")
		h.claim(s)
		h.none(s)
		if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE tiers SET concurrent = 2`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.reap()
		wantText(t, "claimed", h.claim(s).PromptID, "q")
	})
}
