package queue_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// kind makes a submission of a kind.
func kind(k string) func(*queue.Submission) {
	return func(s *queue.Submission) { s.Kind = k }
}

// raised is a node's error.
func raised(l *queue.Lease) queue.Ending {
	return queue.Ending{State: settee.Failed, Reason: settee.ReasonError, Event: record.Failure(l.PromptID, "RuntimeError", "secret words")}
}

var (
	broke   = queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}
	drained = queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
)

// do submits a job of kind k, and has s end it as how says.
func (h *house) do(s queue.Session, prompt, k string, how func(*queue.Lease) queue.Ending) {
	h.t.Helper()
	h.submit("a", prompt, kind(k))
	h.end(s, how)
}

// end has s end the next job as how says.
func (h *house) end(s queue.Session, how func(*queue.Lease) queue.Ending) {
	h.t.Helper()
	l := h.claim(s)
	h.finish(l, how(l))
}

// pass lets time go by, in which the sessions live on.
func (h *house) pass(d time.Duration, alive ...queue.Session) {
	h.t.Helper()
	for ; d > 0; d -= 10 * time.Second {
		h.clock.Advance(min(d, 10*time.Second))
		for _, s := range alive {
			if err := h.db.RenewSession(h.t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	h.reap()
}

// statuses are the workers' names and statuses.
func (h *house) statuses() string {
	h.t.Helper()
	all, err := h.Workers(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	var words []string
	for _, w := range all {
		words = append(words, w.Name+" "+w.Status())
	}
	return strings.Join(words, ", ")
}

func (h *house) worker(name string) (found settee.Worker) {
	h.t.Helper()
	all, err := h.Workers(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, w := range all {
		if w.Name == name {
			found = w
		}
	}
	return found
}

// liar is a house whose worker "bad" is out, beside "good", which is not.
func (h *house) liar() (good, bad queue.Session) {
	h.t.Helper()
	good, bad = h.open("good", "native"), h.open("bad", "native")
	h.do(good, "fine", "k", success)
	for i := range queue.Failures {
		wantText(h.t, "workers", h.statuses(), "bad ready, good ready")
		h.do(bad, fmt.Sprint("spoilt", i), "k", raised)
	}
	wantText(h.t, "workers", h.statuses(), "bad out, good ready")
	return good, bad
}

// A worker that fails three jobs in a row of a kind that another finishes is out:
// it fails no more of them. Now and then it gets one on trial; when it fails that
// as well, the job waits again as if nothing had been, and another runs it. When
// it finishes one, it is in again.
func TestLiar(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		var log bytes.Buffer
		h.Service = queue.New(h.db, h.bus, queue.Options{Now: h.clock.Now, Poll: time.Hour,
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))})
		good, bad := h.liar()
		w := h.worker("bad")
		wantText(t, "reason", w.OutReason, "failed 3 jobs of a kind that others finish; the last with RuntimeError")
		wantText(t, "probe", w.ProbeAt.Sub(start), "30s")
		for i := range queue.Failures {
			wantText(t, "state", string(h.job("a", fmt.Sprint("spoilt", i)).State), "failed")
		}

		h.submit("a", "p", kind("k"))
		h.submit("a", "q", kind("k"))
		h.none(bad)
		h.pass(29*time.Second, good, bad)
		h.none(bad)
		h.pass(time.Second, good, bad)
		l := h.claim(bad)
		h.none(bad) // one at a time
		h.execute(l, image("9", "cat"))
		h.bus.take("a")
		h.finish(l, raised(l))
		if err := h.FinishOnce(t.Context(), l.Attempt, raised(l)); err != nil {
			t.Errorf("told again: %v", err)
		}
		wantLines(t, h.bus.take("a"), status("2"))
		if j := h.job("a", "p"); j.State != settee.Pending || j.OutputsCount != 0 || j.Number.Value != 5 || h.names("a") != "" {
			t.Fatalf("put back as %+v with %s", j, h.names("a"))
		}
		h.consistent()
		h.none(bad)
		l = h.claim(good)
		wantText(t, "claimed", fmt.Sprint(l.PromptID, l.Attempt.N), "p2")
		h.finish(l, success(l))

		h.pass(time.Minute, good, bad)
		wantText(t, "workers", h.statuses(), "bad out, good ready")
		h.end(bad, success)
		wantText(t, "workers", h.statuses(), "bad ready, good ready")
		h.do(bad, "r", "k", success)
		for range queue.Failures - 1 { // it begins anew
			h.do(bad, "", "k", raised)
		}
		wantText(t, "workers", h.statuses(), "bad ready, good ready")
		wantText(t, "log", log.String(), `level=WARN msg="worker is taken out" worker=bad pool=native `+
			`reason="failed 3 jobs of a kind that others finish; the last with RuntimeError" probe=2026-01-01T00:00:30.000Z`+"\n"+
			`level=INFO msg="worker is back in" worker=bad pool=native reason="it finished a job"`+"\n")
		h.consistent()
	})
}

// The longer a worker is out the longer it waits for the next job on trial, and
// it gets none that was on trial already.
func TestTrials(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		good, bad := h.liar()
		h.submit("a", "p", kind("k"))
		var waits []time.Duration
		for range 7 {
			before := h.clock.Now()
			at := h.worker("bad").ProbeAt
			waits = append(waits, at.Sub(before))
			h.pass(at.Sub(before), good, bad)
			l := h.claim(bad)
			if l.Attempt.N != 1 {
				t.Fatalf("attempt %d on trial", l.Attempt.N)
			}
			h.finish(l, broke)
			h.none(bad)
			l = h.claim(good)
			h.finish(l, success(l))
			h.submit("a", "", kind("k"))
		}
		wantText(t, "waits", waits, "[30s 1m0s 2m0s 4m0s 8m0s 10m0s 10m0s]")

		l := h.claim(good)
		h.finish(l, drained)
		h.pass(10*time.Minute, good, bad)
		h.none(bad)
		h.submit("a", "first", kind("k"), func(s *queue.Submission) { s.Front = true })
		wantText(t, "claimed", h.claim(bad).PromptID, "first")
	})
}

// An operator's word lets a worker in at once, and one without which nobody would
// be left comes in by itself: its word counts again then.
func TestLetIn(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		good, bad := h.liar()
		if w, err := h.Drain(t.Context(), "bad", false); err != nil || w.Status() != "ready" {
			t.Fatalf("%+v, %v", w, err)
		}
		h.do(bad, "p", "k", raised)
		wantText(t, "state", string(h.job("a", "p").State), "failed")

		for range queue.Failures - 1 {
			h.do(bad, "", "k", raised)
		}
		wantText(t, "workers", h.statuses(), "bad out, good ready")
		if err := h.Close(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		h.pass(9*time.Second, bad)
		wantText(t, "workers", h.statuses(), "bad out, good away")
		h.pass(2*time.Second, bad)
		wantText(t, "workers", h.statuses(), "bad ready, good away")
		h.do(bad, "q", "k", raised)
		wantText(t, "state", string(h.job("a", "q").State), "failed")
		h.consistent()
	})
}

// A worker that fails one job after the other, whatever others do, is doubted
// after the third: another is asked about the next. When that one finishes it the
// worker stays out; when it says the same, the worker was right and is in again.
func TestSecondOpinion(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		other, it := h.open("other", "native"), h.open("it", "native")
		for _, lies := range []bool{false, true} {
			for i := range queue.Failures {
				h.do(it, fmt.Sprint(lies, i), fmt.Sprint(lies, i), raised)
				wantText(t, "state", string(h.job("a", fmt.Sprint(lies, i)).State), "failed")
			}
			last := fmt.Sprint(lies)
			h.do(it, last, last, raised)
			wantText(t, "state", string(h.job("a", last).State), "pending")
			wantText(t, "reason", h.worker("it").OutReason, "failed 4 jobs in a row; the last with RuntimeError")
			h.none(it)
			if lies {
				h.end(other, success)
				wantText(t, "state", string(h.job("a", last).State), "completed")
				wantText(t, "workers", h.statuses(), "it out, other ready")
			} else {
				h.end(other, raised)
				wantText(t, "state", string(h.job("a", last).State), "failed")
				wantText(t, "workers", h.statuses(), "it ready, other ready")
			}
			h.consistent()
		}
	})
}

// The native workers of a server are one engine: they are not asked about each
// other, and a workflow's error is told at once.
func TestOneEngine(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.Service = h.boot("this/one")
		it := h.open("one", "native")
		h.open("two", "native")
		for range 2 * queue.Failures {
			h.do(it, "", "k", raised)
		}
		wantText(t, "workers", h.statuses(), "one ready, two ready")
	})
}

// A workflow that is wrong fails wherever it runs, so it takes nobody out for
// longer than it takes to ask another, even where others of its kind are finished
// in between.
func TestBrokenWorkflow(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		one, two := h.open("one", "native"), h.open("two", "native")
		n := 0
		fail := func(s, other queue.Session, k string) {
			t.Helper()
			n++
			prompt := fmt.Sprint("p", n)
			h.do(s, prompt, k, raised)
			if h.job("a", prompt).State == settee.Pending {
				h.end(other, raised)
			}
			wantText(t, "state", string(h.job("a", prompt).State), "failed")
			wantText(t, "workers", h.statuses(), "one ready, two ready")
		}
		for range 6 {
			fail(one, two, "new")
			fail(two, one, "new")
		}
		h.do(one, "", "k", success)
		h.do(two, "", "k", success)
		for range 6 { // the first failure of each speaks against the other no more
			fail(one, two, "k")
			fail(two, one, "k")
		}
		for range 6 { // nor do failures with finished jobs between them
			h.do(one, "", "k", success)
			fail(two, one, "k")
			h.do(two, "", "k", success)
			fail(one, two, "k")
		}
		h.do(one, "", "old", success)
		h.pass(queue.Evidence, one, two)
		for range 6 { // nor what was long ago
			fail(two, one, "old")
		}
		h.do(one, "", "", success)
		for range 6 { // nor jobs whose kind nobody knows
			fail(two, one, "")
		}
	})
}

// Whatever fails, half of a pool stays in, and a job that fails on trial and
// elsewhere too brings the next trial at once.
func TestHalfStays(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		all := []queue.Session{h.open("good", "native")}
		for i := range 4 {
			all = append(all, h.open(fmt.Sprint("bad", i), "native"))
		}
		h.do(all[0], "", "k", success)
		for _, bad := range all[1:] {
			for range queue.Failures {
				h.do(bad, "", "k", raised)
			}
		}
		wantText(t, "workers", h.statuses(), "bad0 out, bad1 out, bad2 ready, bad3 ready, good ready")

		h.pass(30*time.Second, all...)
		h.do(all[1], "p", "wrong", raised)
		h.none(all[1])
		h.end(all[0], raised)
		wantText(t, "state", string(h.job("a", "p").State), "failed")
		h.do(all[1], "q", "k", success)
		wantText(t, "workers", h.statuses(), "bad0 ready, bad1 out, bad2 ready, bad3 ready, good ready")
		h.consistent()
	})
}

// A worker that is out takes the jobs that nobody else can run, and what it says
// of them counts; of what others can run it has one on trial.
func TestOnlyOneCanRunIt(t *testing.T) {
	shops(t, func(t *testing.T, s *shop) {
		good, bad := s.come("good", "both"), s.come("bad", "both", "red")
		s.asks("fine", "both")
		s.end(good, success)
		for i := range 2 * queue.Failures { // what only it can run is not said against it
			s.asks(fmt.Sprint("red", i), "red")
			s.end(bad, raised)
		}
		wantText(t, "workers", s.statuses(), "bad ready, good ready")
		for i := range queue.Failures {
			s.asks(fmt.Sprint("spoilt", i), "both")
			s.end(bad, raised)
			if s.worker("bad").Status() == "out" {
				break
			}
		}
		wantText(t, "workers", s.statuses(), "bad out, good ready")
		for s.claimed(good) {
		}
		s.asks("waits", "both")
		s.none(bad)
		s.asks("red", "red")
		l := s.claim(bad)
		wantText(t, "claimed", l.PromptID, "red")
		s.none(bad)
		s.finish(l, raised(l))
		wantText(t, "state", string(s.job("a", "red").State), "failed")
		s.does(good, "waits")
	})
}

// claimed has a worker finish its next job, if there is one.
func (h *house) claimed(s queue.Session) bool {
	h.t.Helper()
	c, err := h.db.ClaimJob(h.t.Context(), s, false, h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	if c != nil {
		h.finish(&c.Lease, success(&c.Lease))
	}
	return c != nil
}

// A worker that loses what others finish is out like one that fails it, whether
// it says so or is gone.
func TestLoser(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		good := h.open("good", "native")
		for i := range queue.Failures {
			bad := h.open("bad", "native")
			h.submit("a", "", kind(fmt.Sprint(i))) // of a kind that nobody knows yet
			l := h.claim(bad)
			if i == 1 {
				h.pass(15*time.Second, good)
			} else {
				h.finish(l, broke)
			}
			wantText(t, "status", fmt.Sprint(h.worker("bad").Failures), fmt.Sprint(i))
			h.end(good, success)
		}
		w := h.worker("bad")
		wantText(t, "bad", w.Status()+": "+w.OutReason, "out: failed 3 jobs of a kind that others finish; the last was lost")

		// What counted when it was lost does not count again.
		bad := h.open("worse", "native")
		for i := range queue.Failures - 1 {
			h.do(good, "", "k", success)
			h.do(bad, "", "k", func(*queue.Lease) queue.Ending { return broke })
			wantText(t, "failures", h.worker("worse").Failures, fmt.Sprint(i+1))
			h.end(good, success)
			wantText(t, "failures", h.worker("worse").Failures, fmt.Sprint(i+1))
		}
	})
}
