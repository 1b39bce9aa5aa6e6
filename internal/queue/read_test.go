package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store/storetest"
)

// History is in the order of endings, cut as ComfyUI cuts it.
func TestHistory(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.run("b", "theirs", s)
		for i := range 5 {
			h.run("a", fmt.Sprint(i), s)
			h.clock.Advance(time.Second)
		}
		h.submit("a", "waits")
		for _, c := range []struct {
			max, offset int
			want        string
		}{
			{record.Everything, -1, "0 1 2 3 4"},
			{2, -1, "3 4"},
			{2, -7, "3 4"},
			{9, -1, "0 1 2 3 4"},
			{1, 0, "0"},
			{2, 3, "3 4"},
			{2, 4, "4"},
			{2, 5, ""},
			{record.Everything, 3, "3 4"},
			{0, -1, ""},
			{-1, -1, ""},
		} {
			past, err := h.History(t.Context(), "a", c.max, c.offset)
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, fmt.Sprintf("max %d offset %d", c.max, c.offset), prompts(past, detailID), c.want)
		}
		h.claim(s)
		trails, err := h.Trails(t.Context(), "a", start.Add(3*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "trails", prompts(trails, func(x record.Trail) string { return fmt.Sprint(x.PromptID, x.State, len(x.Notes)) }), "3completed1 4completed1 waitsin_progress0")

		if err := h.HideHistory(t.Context(), "a", []string{"1", "waits", "theirs", "1"}); err != nil {
			t.Fatal(err)
		}
		past, _ := h.History(t.Context(), "a", record.Everything, -1)
		wantText(t, "after hiding one", prompts(past, detailID), "0 2 3 4")
		_, err = h.Job(t.Context(), "a", "1")
		wantCode(t, err, settee.CodeNotFound)
		_, err = h.Detail(t.Context(), "a", "1")
		wantCode(t, err, settee.CodeNotFound)
		_, err = h.trySubmit("a", "1")
		wantCode(t, err, settee.CodeConflict)
		h.consistent()
		if err := h.ClearHistory(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		jobs, total, err := h.List(t.Context(), "a", record.Filter{})
		if err != nil || total != 1 {
			t.Fatalf("%d are listed, %v", total, err)
		}
		wantText(t, "left", prompts(jobs, jobID), "waits")
		if past, _ := h.History(t.Context(), "b", record.Everything, -1); len(past) != 1 {
			t.Fatal("another account's history is gone")
		}
		h.consistent()
	})
}

// Another account's job does not exist.
func TestWalls(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		h.submit("a", "p")
		_, err := h.Job(t.Context(), "b", "p")
		wantCode(t, err, settee.CodeNotFound)
		_, err = h.Detail(t.Context(), "b", "p")
		wantCode(t, err, settee.CodeNotFound)
		_, err = h.Cancel(t.Context(), "b", "p")
		wantCode(t, err, settee.CodeNotFound)
		if c, err := h.Counts(t.Context(), "b"); err != nil || c.Remaining() != 0 {
			t.Fatalf("counts %+v, %v", c, err)
		}
		wantLines(t, h.bus.take("b"))
	})
}

// Lists are filtered, ordered, cut and counted.
func TestList(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		for i, suffix := range []string{"_.png", "_.mp4", "_.flac"} {
			h.clock.Advance(time.Second)
			h.submit("a", fmt.Sprint("done", i), func(s *queue.Submission) { s.WorkflowID = fmt.Sprint("w", i%2) })
			l := h.claim(s)
			x := image("9", "x")
			x.Output[0].Entries[0].New.Suffix = suffix
			h.execute(l, x)
			h.clock.Advance(time.Duration(3-i) * time.Second)
			h.finish(l, success(l))
		}
		h.clock.Advance(time.Second)
		h.submit("a", "gone")
		if _, err := h.Cancel(t.Context(), "a", "gone"); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Second)
		h.submit("a", "runs")
		h.claim(s)
		h.clock.Advance(time.Second)
		h.submit("a", "waits")
		ended := []settee.JobState{settee.Completed, settee.Failed, settee.Cancelled}
		for _, c := range []struct {
			filter record.Filter
			want   string
			total  int
		}{
			{record.Filter{}, "waits runs gone done2 done1 done0", 6},
			{record.Filter{Ascending: true}, "done0 done1 done2 gone runs waits", 6},
			{record.Filter{Limit: 2, Offset: 1}, "runs gone", 6},
			{record.Filter{Offset: 4}, "done1 done0", 6},
			{record.Filter{Offset: 9}, "", 6},
			{record.Filter{States: ended, Limit: 2}, "gone done2", 4},
			{record.Filter{States: ended, Limit: 2, Offset: 2}, "done1 done0", 4},
			{record.Filter{States: []settee.JobState{settee.Pending}}, "waits", 1},
			{record.Filter{States: []settee.JobState{settee.Pending, settee.InProgress}, Ascending: true}, "runs waits", 2},
			{record.Filter{States: []settee.JobState{"')--"}}, "", 0},
			{record.Filter{WorkflowID: "w0"}, "done2 done0", 2},
			{record.Filter{WorkflowID: "w0", States: ended, Limit: 1}, "done2", 2},
			{record.Filter{MediaType: "video"}, "done1", 1},
			{record.Filter{MediaType: "image", States: ended}, "done0", 1},
			{record.Filter{MediaType: "ideo"}, "", 0},
			{record.Filter{Sort: "execution_time", States: ended}, "done0 done1 done2 gone", 4},
			{record.Filter{Sort: "execution_time", Ascending: true, Limit: 2}, "done2 done1", 6},
		} {
			jobs, total, err := h.List(t.Context(), "a", c.filter)
			if err != nil {
				t.Fatalf("%+v: %v", c.filter, err)
			}
			wantText(t, fmt.Sprintf("%+v", c.filter), prompts(jobs, jobID), c.want)
			if total != c.total {
				t.Fatalf("%+v: total %d, want %d", c.filter, total, c.total)
			}
		}
		running, pending, err := h.Live(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "live", prompts(running, detailID)+"|"+prompts(pending, detailID), "runs|waits")
	})
}

// Operators see everybody's.
func TestAllJobs(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		h.run("a", "one", s)
		h.run("b", "two", s)
		h.submit("b", "three")
		for _, c := range []struct {
			filter record.AdminFilter
			want   string
			total  int
		}{
			{record.AdminFilter{}, "three two one", 3},
			{record.AdminFilter{Limit: 1, Offset: 1}, "two", 3},
			{record.AdminFilter{Account: "b"}, "three two", 2},
			{record.AdminFilter{Account: "name of b", States: []settee.JobState{settee.Completed}}, "two", 1},
			{record.AdminFilter{Account: "nobody"}, "", 0},
		} {
			jobs, total, err := h.AllJobs(t.Context(), c.filter)
			if err != nil {
				t.Fatalf("%+v: %v", c.filter, err)
			}
			wantText(t, fmt.Sprintf("%+v", c.filter), prompts(jobs, jobID), c.want)
			if total != c.total {
				t.Fatalf("%+v: total %d, want %d", c.filter, total, c.total)
			}
		}
	})
}
