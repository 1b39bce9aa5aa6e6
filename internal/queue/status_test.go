package queue_test

import (
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store/storetest"
)

// An ending is remembered, and not beyond its being hidden, cleared or replaced;
// what has not ended is looked up each time.
func TestStatus(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		want := func(account, id string, state settee.JobState) {
			t.Helper()
			for range 2 {
				if j, err := h.Status(t.Context(), account, id); j.State != state || (err == nil) != (state != "") {
					t.Errorf("%s's %s is %q (%v), want %q", account, id, j.State, err, state)
				}
				h.clock.Advance(time.Second)
			}
		}
		h.submit("a", "1")
		want("a", "1", settee.Pending)
		l := h.claim(s)
		want("a", "1", settee.InProgress)
		h.finish(l, success(l))
		want("a", "1", settee.Completed)
		want("b", "1", "")
		if err := h.HideHistory(t.Context(), "a", []string{"1"}); err != nil {
			t.Fatal(err)
		}
		want("a", "1", "")

		h.run("a", "2", s)
		want("a", "2", settee.Completed)
		h.submit("a", "2", func(s *queue.Submission) { s.Replace = true })
		want("a", "2", settee.Pending)
		l = h.claim(s)
		h.finish(l, success(l))
		want("a", "2", settee.Completed)
		if err := h.ClearHistory(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		want("a", "2", "")
	})
}
