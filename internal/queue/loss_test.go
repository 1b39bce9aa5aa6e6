package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// A worker whose lease ran out can write nothing more; its job starts again at
// its old place, without what the lost attempt made, whose numbers stay used.
func TestLostLease(t *testing.T) {
	each(t, settee.Tier{Concurrent: 1}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		h.submit("a", "q")
		lost := h.open("w1", "native")
		l := h.claim(lost)
		started := []settee.Frame{{Type: settee.EventStart, Data: json.RawMessage(`{"prompt_id":"p"}`)}}
		if err := h.Report(t.Context(), l.Attempt, started); err != nil {
			t.Fatal(err)
		}
		h.execute(l, image("9", "cat"))
		h.clock.Advance(14 * time.Second)
		h.reap()
		h.execute(l, image("8", "cat"))
		h.clock.Advance(time.Second)
		h.reap()
		h.bus.take("a")

		_, err := h.Execute(t.Context(), l.Attempt, image("7", "cat"))
		wantCode(t, err, settee.CodeLeaseLost)
		wantCode(t, h.Report(t.Context(), l.Attempt, started), settee.CodeLeaseLost)
		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l)), settee.CodeLeaseLost)
		_, err = h.Renew(t.Context(), lost)
		wantCode(t, err, settee.CodeLeaseLost)
		_, err = h.Claim(t.Context(), lost, false)
		wantCode(t, err, settee.CodeLeaseLost)
		wantLines(t, h.bus.take("a"))

		j := h.job("a", "p")
		if j.State != settee.Pending || j.OutputsCount != 0 || j.PreviewOutput != nil || !j.StartedAt.IsZero() || j.Number.Value != 1 {
			t.Fatalf("put back as %+v", j)
		}
		wantText(t, "assets", h.names("a"), "")
		h.consistent()

		again := h.claim(h.open("w1", "native"))
		wantText(t, "claimed", again.PromptID, "p")
		if again.Attempt.N != 2 {
			t.Fatalf("attempt %d", again.Attempt.N)
		}
		h.bus.take("a")
		if err := h.Report(t.Context(), again.Attempt, started); err != nil {
			t.Fatal(err)
		}
		wantText(t, "output", h.execute(again, image("9", "cat")), `{"images":[{"filename":"cat_00003_.png","subfolder":"","type":"output"}]}`)
		h.finish(again, success(again))
		wantLines(t, h.bus.take("a"),
			`execution_start #65537 {"prompt_id":"p","timestamp":1767225615000}`,
			`executed #65538 {"node":"9","display_node":"9","output":{"images":[{"filename":"cat_00003_.png","subfolder":"","type":"output"}]},"prompt_id":"p"}`,
			`execution_success #65539 end {"prompt_id":"p","timestamp":1767225615000}`,
			status("1"), `executing {"node":null,"prompt_id":"p"}`)
		d, err := h.Detail(t.Context(), "a", "p")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "messages", d.Messages, `[["execution_start",{"prompt_id":"p","timestamp":1767225615000}],["execution_success",{"prompt_id":"p","timestamp":1767225615000}]]`)
		wantText(t, "assets", h.names("a"), "cat_00003_.png")
		h.consistent()
	})
}

// A closed session writes nothing more, even before its attempts are reaped.
func TestClosedSession(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		s := h.open("w1", "native")
		l := h.claim(s)
		if err := h.db.CloseSession(t.Context(), s.ID, settee.ReasonLost, h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := h.Execute(t.Context(), l.Attempt, image("9", "cat"))
		wantCode(t, err, settee.CodeLeaseLost)
		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l)), settee.CodeLeaseLost)
		wantText(t, "state", string(h.job("a", "p").State), "in_progress")
		h.reap()
		wantText(t, "state", string(h.job("a", "p").State), "pending")
	})
}

// A job that takes its worker with it three times fails and says why.
func TestCrashCap(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		for i := range 3 {
			if s := h.job("a", "p").State; s != settee.Pending {
				t.Fatalf("%s after %d losses", s, i)
			}
			h.claim(h.open("w1", "native"))
			h.clock.Advance(15 * time.Second)
			h.bus.take("a")
			h.reap()
		}
		failure := `{"prompt_id":"p","node_id":"","node_type":"","executed":[],"exception_message":"The job was given up: its worker was lost 3 times while running it.",` +
			`"exception_type":"WorkerLost","traceback":[],"current_inputs":{},"current_outputs":[],"timestamp":1767225645000}`
		wantLines(t, h.bus.take("a"), `execution_error #131073 end `+failure, status("0"), `executing {"node":null,"prompt_id":"p"}`)
		j := h.job("a", "p")
		wantText(t, "state", string(j.State)+" "+string(j.Reason), "failed lost")
		wantText(t, "error", j.Error, failure)
		h.consistent()
	})
}

// What a worker hands back when it stops is not held against the job.
func TestDrained(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		for i := range 6 {
			s := h.open("w1", "native")
			l := h.claim(s)
			if i%2 == 0 {
				h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained})
			}
			if err := h.Close(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if s := h.job("a", "p").State; s != settee.Pending {
				t.Fatalf("%s after %d drains", s, i)
			}
			_, err := h.Renew(t.Context(), s)
			wantCode(t, err, settee.CodeLeaseLost)
		}
		h.consistent()
	})
}

// An engine that broke on its own hands its job back, counted.
func TestEngineBroke(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		s := h.open("w1", "native")
		for range 3 {
			l := h.claim(s)
			h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonLost})
		}
		wantText(t, "reason", string(h.job("a", "p").Reason), "lost")
		_, err := h.Execute(t.Context(), queue.Attempt{JobID: "none", N: 1, SessionID: s.ID}, image("1", "x"))
		wantCode(t, err, settee.CodeLeaseLost)
		h.consistent()
	})
}

// A file that a lost attempt made is not there for an engine that kept its name:
// the node must run again. The name of an input that was deleted is shown.
func TestWithdrawnFile(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		h.submit("a", "p")
		l := h.claim(s)
		h.execute(l, image("9", "cat"))
		h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonLost})
		l = h.claim(s)
		old := image("9", "")
		old.Output[0].Entries[0] = engine.Entry{Old: &settee.File{Filename: "cat_00001_.png", Type: settee.Output}}
		_, err := h.Execute(t.Context(), l.Attempt, old)
		wantCode(t, err, settee.CodeNotFound)
		h.bus.take("a")
		wantText(t, "output", h.execute(l, image("9", "cat")), `{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}`)
		wantLines(t, h.bus.take("a"), `executed #65537 {"node":"9","display_node":"9","output":{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]},"prompt_id":"p"}`)
		old.Output[0].Entries[0].Old = &settee.File{Filename: "dog.png", Type: settee.Input}
		wantText(t, "output", h.execute(l, old), `{"images":[{"filename":"dog.png","subfolder":"","type":"input"}]}`)
		h.finish(l, success(l))
	})
}

// A file of a lost attempt that another job shows too is not taken from it.
func TestSharedFileStays(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		h.submit("a", "p")
		h.submit("a", "q")
		p, q := h.claim(s), h.claim(s)
		h.execute(p, image("9", "cat"))
		old := image("9", "")
		old.Output[0].Entries[0].New = nil
		old.Output[0].Entries[0].Old = &settee.File{Filename: "cat_00001_.png", Type: settee.Output}
		h.execute(q, old)
		h.finish(q, success(q))
		h.finish(p, queue.Ending{State: settee.Pending, Reason: settee.ReasonLost})
		wantText(t, "assets", h.names("a"), "cat_00001_.png")
	})
}

// A new boot of an embedded server takes over at once from one that was killed;
// sessions of remote workers and of other servers live on.
func TestBootTakeover(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		h.submit("a", "q")
		h.submit("a", "r")
		open := func(q *queue.Service, worker string) queue.Session {
			t.Helper()
			s, err := q.Open(t.Context(), worker, "native", settee.Description{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		remote := h.claim(open(h.Service, "far away"))
		neighbour := h.boot("other/one")
		beside, err := neighbour.Claim(t.Context(), open(neighbour, "beside"), false)
		if err != nil {
			t.Fatal(err)
		}
		killed := h.boot("this/one")
		old, err := killed.Claim(t.Context(), open(killed, "embedded"), false)
		if err != nil {
			t.Fatal(err)
		}
		next := h.boot("this/two")
		s := open(next, "embedded")
		_, err = killed.Execute(t.Context(), old.Attempt, image("9", "cat"))
		wantCode(t, err, settee.CodeLeaseLost)
		l, err := next.Claim(t.Context(), s, false)
		if err != nil || l.PromptID != old.PromptID || l.Attempt.N != 2 {
			t.Fatalf("took over %+v, %v", l, err)
		}
		h.finish(remote, success(remote))
		if err := neighbour.Finish(t.Context(), beside.Attempt, success(beside)); err != nil {
			t.Error("another server's session was ended: ", err)
		}
		h.consistent()
	})
}

// A job past its tier's cap is ordered to stop; one whose worker does not obey
// is ended for it.
func TestRuntimeCap(t *testing.T) {
	each(t, settee.Tier{RuntimeCap: time.Minute}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		s := h.open("w1", "native")
		l := h.claim(s)
		if want := start.Add(time.Minute); !l.Deadline.Equal(want) {
			t.Fatalf("deadline %s", l.Deadline)
		}
		for range 5 {
			h.clock.Advance(12 * time.Second)
			if err := h.db.RenewSession(t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // a worker that missed it hears it again
			orders, err := h.Renew(t.Context(), s)
			if err != nil || len(orders) != 1 || orders[0] != (queue.Order{Attempt: l.Attempt, Reason: settee.ReasonTimeout}) {
				t.Fatalf("orders %+v, %v", orders, err)
			}
		}
		h.clock.Advance(14 * time.Second)
		h.reap()
		if s := h.job("a", "p").State; s != settee.InProgress {
			t.Fatalf("%s while the worker may still obey", s)
		}
		if err := h.db.RenewSession(t.Context(), s.ID, h.clock.Now().Add(15*time.Second), h.clock.Now(), nil); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(2 * time.Second)
		h.reap()
		j := h.job("a", "p")
		wantText(t, "state", string(j.State)+" "+string(j.Reason), "failed timeout")
		if !strings.Contains(string(j.Error), `"exception_type":"JobTimeout"`) {
			t.Fatalf("error %s", j.Error)
		}
		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l)), settee.CodeLeaseLost)
		h.consistent()
	})
}

// Losing every hint and every memory of this server loses nothing: another
// server takes reports of an attempt it did not lease.
func TestAnotherServer(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		l := h.claim(h.open("w1", "native"))
		other := h.boot("")
		if err := other.Report(t.Context(), l.Attempt, []settee.Frame{{Type: settee.EventStart, Data: json.RawMessage(`{}`)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Execute(t.Context(), l.Attempt, image("9", "cat")); err != nil {
			t.Fatal(err)
		}
		h.execute(l, image("8", "cat")) // this one's count of events is behind
		if err := other.Finish(t.Context(), l.Attempt, success(l)); err != nil {
			t.Fatal(err)
		}
		d, err := h.Detail(t.Context(), "a", "p")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "outputs", d.Result.Outputs, `{"9":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]},`+
			`"8":{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}}`)
	})
}

// A server forgets attempts that ended on another: a late report is refused.
func TestEndedElsewhere(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		l := h.claim(h.open("w1", "native"))
		if err := h.boot("").Finish(t.Context(), l.Attempt, success(l)); err != nil {
			t.Fatal(err)
		}
		h.reap()
		wantCode(t, h.Report(t.Context(), l.Attempt, []settee.Frame{{Type: settee.EventStart, Data: json.RawMessage(`{}`)}}), settee.CodeLeaseLost)
	})
}

// A Renew that waits ends with its context.
func TestRenewEnds(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := h.Renew(ctx, s)
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("renew: %v", err)
		}
	})
}
