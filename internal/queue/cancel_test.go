package queue_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store/storetest"
)

const interrupted = `{"prompt_id":"p","node_id":"","node_type":"","executed":[],"timestamp":1767225600000}`

// A job that waits is cancelled at once and leaves no trace in history.
func TestCancelPending(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p", func(s *queue.Submission) { s.Secrets = json.RawMessage(`"sealed"`) })
		h.bus.take("a")
		for _, want := range []bool{true, false} {
			if did, err := h.Cancel(t.Context(), "a", "p"); did != want || err != nil {
				t.Fatalf("cancel: %v, %v", did, err)
			}
		}
		wantLines(t, h.bus.take("a"), status("0"))
		j := h.job("a", "p")
		wantText(t, "state", string(j.State)+" "+string(j.Reason), "cancelled cancelled")
		if past, err := h.History(t.Context(), "a", record.Everything, -1); err != nil || len(past) != 0 {
			t.Fatalf("history %v, %v", past, err)
		}
		d, err := h.Detail(t.Context(), "a", "p")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "result", string(d.Result.Outputs)+string(d.Meta)+string(d.Messages), `{}{}[]`)
		h.none(h.open("w1", "native"))
		h.consistent()
	})
}

// A running job's worker is told while it waits in Renew, again until the
// attempt has ended, and the job ends as the worker says.
func TestCancelRunning(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		s := h.open("w1", "native")
		l := h.claim(s)
		orders := make(chan []queue.Order)
		renew := func() {
			o, err := h.Renew(t.Context(), s)
			if err != nil {
				t.Error(err)
			}
			orders <- o
		}
		go renew()
		if did, err := h.Cancel(t.Context(), "a", "p"); !did || err != nil {
			t.Fatalf("cancel: %v, %v", did, err)
		}
		want := queue.Order{Attempt: l.Attempt, Reason: settee.ReasonUser}
		if o := <-orders; len(o) != 1 || o[0] != want {
			t.Fatalf("orders %+v", o)
		}
		go renew()
		if o := <-orders; len(o) != 1 || o[0] != want {
			t.Fatalf("orders again %+v", o)
		}
		if j := h.job("a", "p"); j.State != settee.InProgress || !j.CancelRequested {
			t.Fatalf("asked: %+v", j)
		}
		h.bus.take("a")
		h.finish(l, queue.Ending{State: settee.Cancelled, Reason: settee.ReasonUser, Event: record.Interrupted("p")})
		wantLines(t, h.bus.take("a"), `execution_interrupted #1 end `+interrupted, status("0"), `executing {"node":null,"prompt_id":"p"}`)
		if did, err := h.Cancel(t.Context(), "a", "p"); did || err != nil {
			t.Fatalf("cancel again: %v, %v", did, err)
		}
		h.consistent()
	})
}

// A cancel that was asked before the worker was lost ends the job as cancelled.
func TestCancelBeforeLoss(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		h.claim(h.open("w1", "native"))
		if _, err := h.Cancel(t.Context(), "a", "p"); err != nil {
			t.Fatal(err)
		}
		h.bus.take("a")
		h.clock.Advance(time.Minute)
		h.reap()
		wantLines(t, h.bus.take("a"), `execution_interrupted #1 end `+strings.Replace(interrupted, "1767225600000", "1767225660000", 1),
			status("0"), `executing {"node":null,"prompt_id":"p"}`)
		wantText(t, "state", string(h.job("a", "p").State), "cancelled")
		h.consistent()
	})
}

// A cancelled job whose clients saw an attempt start that was lost is shown to
// end, and is in history.
func TestCancelAfterLoss(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		l := h.claim(h.open("w1", "native"))
		h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonLost})
		h.bus.take("a")
		if did, err := h.Cancel(t.Context(), "a", "p"); !did || err != nil {
			t.Fatalf("cancel: %v, %v", did, err)
		}
		wantLines(t, h.bus.take("a"), `execution_interrupted #65537 end `+interrupted, status("0"), `executing {"node":null,"prompt_id":"p"}`)
		past, err := h.History(t.Context(), "a", 1, -1)
		if err != nil || len(past) != 1 {
			t.Fatalf("history %v, %v", past, err)
		}
		wantText(t, "messages", past[0].Messages, `[["execution_interrupted",`+interrupted+`]]`)
		h.consistent()
	})
}

// What is named and not the account's is not found, and then nothing happens.
func TestCancelMany(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.run("a", "done", s)
		h.submit("a", "runs")
		l := h.claim(s)
		h.submit("a", "waits")
		h.submit("b", "theirs")
		for _, ids := range [][]string{{"waits", "theirs"}, {"none"}} {
			_, err := h.CancelMany(t.Context(), "a", ids)
			wantCode(t, err, settee.CodeNotFound)
		}
		_, err := h.Cancel(t.Context(), "nobody", "waits")
		wantCode(t, err, settee.CodeNotFound)
		wantText(t, "waits", string(h.job("a", "waits").State), "pending")
		did, err := h.CancelMany(t.Context(), "a", []string{"waits", "done", "runs", "waits"})
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "cancelled", strings.Join(did, " "), "waits runs")
		wantText(t, "theirs", string(h.job("b", "theirs").State), "pending")
		h.finish(l, success(l)) // it was too late
		wantText(t, "runs", string(h.job("a", "runs").State), "completed")
		h.consistent()
	})
}

// Interrupt asks running jobs of the caller only; the queue's delete and clear
// take waiting ones only.
func TestInterruptAndDelete(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.submit("a", "runs")
		h.claim(s)
		h.submit("b", "theirs")
		h.claim(s)
		for _, p := range []string{"1", "2", "3"} {
			h.submit("a", p)
		}
		for _, p := range []string{"1", "theirs", "none"} {
			if err := h.Interrupt(t.Context(), "a", p); err != nil {
				t.Fatal(err)
			}
		}
		if h.job("a", "runs").CancelRequested || h.job("b", "theirs").CancelRequested {
			t.Fatal("interrupted what was not named")
		}
		if err := h.Interrupt(t.Context(), "a", ""); err != nil {
			t.Fatal(err)
		}
		if !h.job("a", "runs").CancelRequested || h.job("b", "theirs").CancelRequested {
			t.Fatal("interrupt: want the caller's running job and no other")
		}
		h.bus.take("a")
		did, err := h.DeletePending(t.Context(), "a", []string{"2", "runs", "none"})
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "deleted", strings.Join(did, " "), "2")
		wantLines(t, h.bus.take("a"), status("3"))
		if did, err = h.DeletePending(t.Context(), "a", nil); err != nil || len(did) != 0 {
			t.Fatalf("deleted %q, %v", did, err)
		}
		if did, err = h.ClearPending(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantText(t, "cleared", strings.Join(did, " "), "1 3")
		wantLines(t, h.bus.take("a"), status("1"))
		wantText(t, "runs", string(h.job("a", "runs").State), "in_progress")
		h.consistent()
	})
}
