package queue_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store/storetest"
)

// Trails hold the durable events in their order, also those that are not
// written yet; of ended jobs first.
func TestTrails(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.run("b", "theirs", s)
		h.run("a", "early", s)
		h.clock.Advance(time.Second)
		since := h.clock.Now()
		report := func(l *queue.Lease, kinds ...string) {
			t.Helper()
			for _, kind := range kinds {
				f := settee.Frame{Type: kind, Data: json.RawMessage(`{"prompt_id":"` + l.PromptID + `"}`)}
				if err := h.Report(t.Context(), l.Attempt, []settee.Frame{f}); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.submit("a", "ended")
		l := h.claim(s)
		report(l, settee.EventStart, settee.EventExecuting, settee.EventCached)
		h.execute(l, image("9", "x"))
		h.finish(l, success(l))
		h.submit("a", "waits not")
		l = h.claim(s)
		report(l, settee.EventStart)
		h.execute(l, image("9", "x"))
		report(l, settee.EventCached)
		h.submit("a", "waits")
		trails, err := h.Trails(t.Context(), "a", since)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, trail := range trails {
			line := trail.PromptID + " " + string(trail.State) + ":"
			for _, n := range trail.Notes {
				line += fmt.Sprintf(" %d %s", n.Seq, n.Event.Type)
			}
			got = append(got, line)
		}
		wantLines(t, got,
			"ended completed: 1 execution_start 2 execution_cached 3 executed 4 execution_success",
			"waits not in_progress: 1 execution_start 2 executed 3 execution_cached")
		if err := h.ClearHistory(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		trails, err = h.Trails(t.Context(), "a", since)
		if err != nil || len(trails) != 1 || trails[0].PromptID != "waits not" {
			t.Errorf("after clearing: %d trails, %v", len(trails), err)
		}
	})
}
