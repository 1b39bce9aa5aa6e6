package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// answer is what a claim returned.
type answer struct {
	*queue.Lease
	err error
}

// seek has a session's claim wait. The poll is an hour: only a submit or a hint
// wakes it.
func (h *house) seek(s queue.Session) <-chan answer {
	h.t.Helper()
	before := h.Idle()
	got := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	h.t.Cleanup(cancel)
	go func() {
		l, err := given(h.Claim(ctx, s, false))
		got <- answer{l, err}
	}()
	h.idle(before + 1)
	return got
}

// idle waits until so many claims wait.
func (h *house) idle(n int) {
	h.t.Helper()
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	for h.Idle() != n {
		select {
		case <-look.C:
		case <-late.C:
			h.t.Fatalf("%d claims wait, not %d", h.Idle(), n)
		}
	}
}

// gets is the lease that a claim must get.
func (h *house) gets(got <-chan answer) *queue.Lease {
	h.t.Helper()
	a := <-got
	if a.err != nil {
		h.t.Fatalf("claim: %v", a.err)
	}
	return a.Lease
}

func lane(l queue.Lane) func(*queue.Submission) {
	return func(s *queue.Submission) { s.Lane = l }
}

// A submit that finds a claim waiting leases its job to it in the same commit.
func TestSubmitTakesAClaimAlong(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		got := h.seek(s)
		h.clock.Advance(time.Second)
		commits := h.commits()
		job := h.submit("a", "p")
		l := h.gets(got)
		wantText(t, "commits", commits.Load(), "1")
		if job.State != settee.Pending || l.Attempt != (queue.Attempt{JobID: job.ID, N: 1, SessionID: s.ID}) || l.Ahead || l.ClientID != "tab" {
			t.Fatalf("submitted %+v, leased %+v", job, l)
		}
		wantText(t, "prompt", l.Graph.Prompt, `{"9": {"class_type":"SaveImage"}}`)
		wantLines(t, h.bus.take("a"), status("1"), status("1"))
		if j := h.job("a", "p"); j.State != settee.InProgress || !j.StartedAt.Equal(start.Add(time.Second)) {
			t.Errorf("running %+v", j)
		}
		h.consistent()
		h.finish(l, success(l))
		wantLines(t, h.bus.take("a"), `execution_success #1 end {"prompt_id":"p","timestamp":1767225601000}`, status("0"), `executing {"node":null,"prompt_id":"p"}`)
	})
}

// As many claims wait as jobs are submitted, all at once: each gets one, and none
// waits for the poll.
func TestSubmitsAmongSeekers(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{Concurrent: 2})
		var sessions []queue.Session
		for i := range 4 {
			sessions = append(sessions, h.open(fmt.Sprint("w", i), "native"))
		}
		for round := range 10 {
			var waiting []<-chan answer
			for _, s := range sessions {
				waiting = append(waiting, h.seek(s))
			}
			var wg sync.WaitGroup
			for i := range sessions {
				wg.Go(func() {
					if _, err := h.trySubmit([]string{"a", "b"}[i%2], fmt.Sprint(round, "-", i)); err != nil {
						t.Error(err)
					}
				})
			}
			ran := map[string]bool{}
			var leases []*queue.Lease
			for _, got := range waiting {
				l := h.gets(got)
				if ran[l.PromptID] {
					t.Errorf("%s was leased twice", l.PromptID)
				}
				ran[l.PromptID] = true
				leases = append(leases, l)
			}
			wg.Wait()
			for _, l := range leases {
				h.finish(l, success(l))
			}
		}
		h.consistent()
	})
}

// A claim whose context ends as a job comes returns the lease or nothing, and then
// the job waits.
func TestAClaimEndsAsAJobComes(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		for i := range 30 {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan answer, 1)
			go func() {
				l, err := given(h.Claim(ctx, s, false))
				got <- answer{l, err}
			}()
			h.idle(1)
			go cancel()
			h.submit("a", fmt.Sprint(i))
			a := <-got
			if (a.Lease == nil) != errors.Is(a.err, context.Canceled) {
				t.Fatalf("leased %v, %v", a.Lease, a.err)
			}
			if a.Lease == nil {
				a.Lease = h.claim(s)
			}
			wantText(t, "claimed", a.PromptID, fmt.Sprint(i))
			h.finish(a.Lease, success(a.Lease))
		}
		h.none(s)
		h.consistent()
	})
}

// A submit that is refused leaves the claim waiting, and the next one's job is
// given to it.
func TestARefusedSubmitLeavesTheSeeker(t *testing.T) {
	each(t, settee.Tier{QueueLimit: 1}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		h.submit("a", "elsewhere", lane("gpu"))
		h.submit("b", "p", lane("gpu"))
		got := h.seek(h.open("w1", "native"))
		for account, code := range map[string]settee.Code{"a": settee.CodeQueueFull, "b": settee.CodeConflict} {
			_, err := h.trySubmit(account, "p")
			wantCode(t, err, code)
			h.idle(1)
		}
		commits := h.commits()
		h.submit("b", "q")
		wantText(t, "claimed", h.gets(got).PromptID, "q")
		wantText(t, "commits", commits.Load(), "1")
		h.consistent()
	})
}

// Whose claim waits and may not have a job any more is not given it; the submit
// succeeds, and another gets it.
func TestASeekerThatMayNot(t *testing.T) {
	for what, c := range map[string]struct {
		happens func(h *house, s queue.Session)
		code    settee.Code // of its claim; none: it waits on
	}{
		"drained": {happens: func(h *house, _ queue.Session) {
			if _, err := h.Drain(h.t.Context(), "w1", true); err != nil {
				h.t.Fatal(err)
			}
		}},
		"out": {happens: func(h *house, _ queue.Session) {
			if err := h.db.Write(h.t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE workers SET out_at = $1, probe_at = $2 WHERE name = 'w1'`, h.clock.Now(), h.clock.Now().Add(time.Hour))
				return err
			}); err != nil {
				h.t.Fatal(err)
			}
		}},
		"closed": {code: settee.CodeLeaseLost, happens: func(h *house, s queue.Session) {
			if err := h.Close(h.t.Context(), s); err != nil {
				h.t.Fatal(err)
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, settee.Tier{}, func(t *testing.T, h *house) {
				first, second := h.open("w1", "native"), h.open("w2", "native")
				ctx, cancel := context.WithCancel(t.Context())
				mine := make(chan answer, 1)
				go func() {
					l, err := given(h.Claim(ctx, first, false))
					mine <- answer{l, err}
				}()
				h.idle(1)
				other := h.seek(second)
				c.happens(h, first)
				h.submit("a", "p")
				l := h.gets(other)
				wantText(t, "leased", l.PromptID+" "+l.Attempt.SessionID, "p "+second.ID)
				if c.code == "" {
					cancel()
				}
				a := <-mine
				if waited := errors.Is(a.err, context.Canceled); a.Lease != nil || waited != (c.code == "") || !waited && settee.CodeOf(a.err) != c.code {
					t.Errorf("claimed %+v, %v", a.Lease, a.err)
				}
				cancel()
				h.consistent()
			})
		})
	}
}

// Who is taken along is not given the new job where another comes first: those who
// wait get both.
func TestSeekersGetWhatComesFirst(t *testing.T) {
	for first, account := range map[string]string{"another's": "b", "an older one": "a"} {
		t.Run(first, func(t *testing.T) {
			each(t, settee.Tier{}, func(t *testing.T, h *house) {
				storetest.Account(t, h.db, "b", settee.Tier{})
				h.submit("a", "past", lane("gpu"))
				past := h.claim(h.open("w0", "gpu"))
				h.finish(past, success(past))
				if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Exec(`UPDATE account_queue SET pass = 100 WHERE account_id = 'a'`)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				got := h.seek(h.open("w1", "native"))
				there := h.Service
				h.Service = h.boot("") // of whose submits these claims do not hear
				h.submit(account, "first")
				if account == "b" {
					if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
						_, err := tx.Exec(`UPDATE account_queue SET pass = 1 WHERE account_id = 'b'`)
						if err == nil {
							_, err = tx.Exec(`UPDATE lanes SET pass = 1 WHERE account_id = 'b'`)
						}
						return err
					}); err != nil {
						t.Fatal(err)
					}
				}
				h.Service = there
				h.submit("a", "new")
				wantText(t, "who waits gets", h.gets(got).PromptID, "first")
				wantText(t, "the next gets", h.claim(h.open("w2", "native")).PromptID, "new")
				h.consistent()
			})
		})
	}
}

// The unit of a submit locks no other account's row, for it may be one of a group:
// where another's job comes first it leases nothing.
func TestASubmitKeepsToItsAccount(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.submit("a", "first") // which comes before all of b's, for its account's id is less
		for _, c := range []struct{ account, leased string }{{"b", "nobody"}, {"a", "a"}} {
			done, err := h.db.SubmitJob(t.Context(), settee.NewID(), queue.Submission{AccountID: c.account, PromptID: settee.NewID(), Lane: "native",
				Graph: settee.Graph{Prompt: []byte(`{}`)}}, &queue.Idle{Session: s}, h.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			leased := "nobody"
			if done.Claim != nil {
				leased = done.Claim.AccountID
			}
			wantText(t, "leased a job of", leased, c.leased)
		}
		h.consistent()
	})
}

// A claim that cannot run the job is not taken along, however long it has waited.
func TestSeekersThatCannotRunIt(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		var sessions []queue.Session
		for _, model := range []string{"one", "other"} {
			s, err := h.Open(t.Context(), model, "gpu", has(model))
			if err != nil {
				t.Fatal(err)
			}
			sessions = append(sessions, s)
		}
		h.seek(sessions[0])
		native := h.seek(h.open("native", "native"))
		got := h.seek(sessions[1])
		commits := h.commits()
		can := []queue.Variant{{Pool: "gpu", Nodes: sessions[1].Nodes}}
		h.submit("a", "p", func(s *queue.Submission) {
			s.Lane, s.Fit = queue.LaneOf([]string{"gpu"}, can), queue.Fit{Variants: can}
		})
		wantText(t, "claimed", h.gets(got).PromptID, "p")
		wantText(t, "commits", commits.Load(), "1")
		wantText(t, "waiting", h.Idle(), "2")
		h.submit("a", "q", lane("native"))
		wantText(t, "claimed", h.gets(native).PromptID, "q")
		h.submit("a", "r", lane("gpu+native"))
		h.idle(0)
		h.consistent()
	})
}

// When who was taken along may not have the job, those of other pools hear of it.
func TestOthersThanTheSeekerHear(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		var can []queue.Variant
		var waiting []<-chan answer
		for _, pool := range []string{"gpu", "native"} {
			s, err := h.Open(t.Context(), pool, pool, has("model"))
			if err != nil {
				t.Fatal(err)
			}
			can = append(can, queue.Variant{Pool: pool, Nodes: s.Nodes})
			waiting = append(waiting, h.seek(s))
		}
		if _, err := h.Drain(t.Context(), "gpu", true); err != nil {
			t.Fatal(err)
		}
		h.submit("a", "p", func(s *queue.Submission) {
			s.Lane, s.Fit = queue.LaneOf([]string{"gpu", "native"}, can), queue.Fit{Variants: can}
		})
		wantText(t, "claimed", h.gets(waiting[1]).PromptID, "p")
	})
}

// The claim that a submit takes along keeps to the account's limit; when there is
// room again it gets the job, without a poll.
func TestSeekersKeepToLimits(t *testing.T) {
	each(t, settee.Tier{Concurrent: 1}, func(t *testing.T, h *house) {
		first := h.seek(h.open("w1", "native"))
		h.submit("a", "p")
		p := h.gets(first)
		got := h.seek(h.open("w2", "native"))
		h.bus.take("a")
		h.submit("a", "q")
		h.idle(1)
		wantLines(t, h.bus.take("a"), status("2"))
		if c, err := h.Counts(t.Context(), "a"); err != nil || c.Pending != 1 || c.Running != 1 {
			t.Errorf("counts %+v, %v", c, err)
		}
		h.finish(p, success(p))
		wantText(t, "claimed", h.gets(got).PromptID, "q")
		h.consistent()
	})
}

// unanswered is a store whose commits of submits are not answered.
type unanswered struct{ queue.Store }

type unknown struct{ error }

func (unknown) Uncertain() {}

func (u unanswered) SubmitJob(ctx context.Context, id string, s queue.Submission, idle *queue.Idle, now time.Time) (queue.Submitted, error) {
	if _, err := u.Store.SubmitJob(ctx, id, s, idle, now); err != nil {
		return queue.Submitted{}, err
	}
	return queue.Submitted{}, unknown{errors.New("the commit was not answered")}
}

// When nobody knows whether a submit was done the claim that it took along fails
// too: its session may have a job that nobody runs, until it is closed.
func TestASubmitThatIsNotAnswered(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.Service = queue.New(unanswered{h.db}, h.bus, queue.Options{Now: h.clock.Now, Poll: time.Hour, Log: slog.New(slog.DiscardHandler)})
		s := h.open("w1", "native")
		got := h.seek(s)
		if _, err := h.trySubmit("a", "p"); err == nil {
			t.Error("the submit says that it was done")
		}
		a := <-got
		if _, ok := errors.AsType[unknown](a.err); !ok || a.Lease != nil {
			t.Errorf("claimed %+v, %v", a.Lease, a.err)
		}
		if err := h.Close(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		wantText(t, "claimed", h.claim(h.open("w2", "native")).PromptID, "p")
	})
}

// A caller who goes away as its job is submitted takes no claim with it.
func TestACallerWhoGoesAway(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		for i := range 20 {
			got := h.seek(s)
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			_, err := h.Submit(ctx, queue.Submission{AccountID: "a", PromptID: fmt.Sprint(i), Lane: "native", Graph: settee.Graph{Prompt: []byte(`{}`)}})
			if err != nil { // the claim looked around just then, and the job is not there
				h.submit("a", fmt.Sprint(i))
			}
			l := h.gets(got)
			wantText(t, "claimed", l.PromptID, fmt.Sprint(i))
			h.finish(l, success(l))
		}
	})
}

// What a submit shows comes before all that is told of its job, however soon.
func TestASubmitIsShownBeforeItsJobRuns(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		for i := range 50 {
			told := make(chan *queue.Lease)
			got := h.seek(s)
			go func() {
				a := <-got
				if a.err == nil {
					a.err = h.Report(context.Background(), a.Attempt, []settee.Frame{{Type: settee.EventExecuting, Data: json.RawMessage(`{"node":"9"}`)}})
				}
				if a.err != nil {
					t.Error(a.err)
				}
				told <- a.Lease
			}()
			h.submit("a", fmt.Sprint("p", i))
			l := <-told
			wantLines(t, h.bus.take("a"), status("1"), status("1"), `executing {"node":"9"}`)
			h.finish(l, success(l))
			h.bus.take("a")
		}
	})
}
