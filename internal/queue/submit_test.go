package queue_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store/storetest"
)

// A prompt id is the account's once.
func TestDuplicate(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		replace := func(s *queue.Submission) { s.Replace = true }
		first := h.submit("a", "p")
		h.submit("b", "p")
		for range 2 {
			_, err := h.trySubmit("a", "p")
			wantCode(t, err, settee.CodeConflict)
			_, err = h.trySubmit("a", "p", replace)
			wantCode(t, err, settee.CodeConflict)
			if h.job("a", "p").State == settee.Pending {
				h.claim(h.open("w1", "native"))
			}
		}
		if c, err := h.Counts(t.Context(), "a"); err != nil || c.Pending != 0 || c.Running != 1 {
			t.Fatalf("counts %+v, %v", c, err)
		}
		if _, err := h.Cancel(t.Context(), "b", "p"); err != nil {
			t.Fatal(err)
		}
		_, err := h.trySubmit("b", "p")
		wantCode(t, err, settee.CodeConflict)
		second := h.submit("b", "p", replace)
		if second.ID == first.ID || h.job("b", "p").ID != second.ID {
			t.Fatalf("the ended job was not replaced")
		}
		jobs, total, err := h.List(t.Context(), "b", record.Filter{})
		if err != nil || len(jobs) != 1 || total != 1 {
			t.Fatalf("listed %v of %d, %v", jobs, total, err)
		}
	})
}

// Without a prompt id of its own a job's is its id.
func TestPromptIDDefault(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		j := h.submit("a", "")
		if j.PromptID != j.ID || h.job("a", j.ID).ID != j.ID {
			t.Fatalf("submitted %+v", j)
		}
	})
}

// A tier's queue limit counts waiting jobs only.
func TestQueueLimit(t *testing.T) {
	each(t, settee.Tier{QueueLimit: 2}, func(t *testing.T, h *house) {
		h.submit("a", "1")
		h.submit("a", "2")
		_, err := h.trySubmit("a", "3")
		wantCode(t, err, settee.CodeQueueFull)
		if f, ok := errors.AsType[*settee.Fault](err); !ok || f.RetryAfter <= 0 {
			t.Fatalf("no RetryAfter in %v", err)
		}
		h.claim(h.open("w1", "native"))
		h.submit("a", "3")
		_, err = h.trySubmit("a", "4")
		wantCode(t, err, settee.CodeQueueFull)
	})
}

// Lower numbers run first, then older jobs; front is before all that came
// without a number, the newest first; a given number does not count on.
func TestOrder(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		number := func(n float64) func(*queue.Submission) {
			return func(s *queue.Submission) { s.Number = &n }
		}
		front := func(s *queue.Submission) { s.Front = true }
		h.submit("a", "first")
		h.submit("a", "second")
		h.submit("a", "given", number(1.5))
		h.submit("a", "front", front)
		h.submit("a", "fronter", front)
		h.submit("a", "same", number(1.5))
		_, pending, err := h.Live(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "order", prompts(pending, detailID), "fronter front first given same second")
		numbers := ""
		for _, d := range pending {
			b, _ := json.Marshal(d.Number)
			numbers += string(b) + " "
		}
		wantText(t, "numbers", numbers, "-4 -3 1 1.5 1.5 2 ")
		s := h.open("w1", "native")
		for _, want := range []string{"fronter", "front", "first", "given", "same", "second"} {
			l := h.claim(s)
			wantText(t, "claimed", l.PromptID, want)
			h.finish(l, success(l))
		}
	})
}
