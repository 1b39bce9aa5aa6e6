package queue_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
)

// status is an account's status frame.
func status(n string) string {
	return `status {"status":{"exec_info":{"queue_remaining":` + n + `}}}`
}

// A job from submit to history: every frame, in order, and all that is read.
func TestLife(t *testing.T) {
	each(t, settee.Tier{Concurrent: 1}, func(t *testing.T, h *house) {
		job := h.submit("a", "p", func(s *queue.Submission) {
			s.WorkflowID = "w"
			s.Secrets = json.RawMessage(`"sealed"`)
			s.Graph.Edits = []settee.Edit{{Start: 1, End: 2, Text: "x", Hidden: true}}
			s.Graph.Inputs = []settee.JobInput{{Node: "1", Input: "image", Reference: "cat.png", Hash: "h", Size: 7}}
		})
		if job.State != settee.Pending || job.Number != (settee.Number{Value: 1}) || job.PromptID != "p" {
			t.Fatalf("submitted %+v", job)
		}
		wantLines(t, h.bus.take("a"), status("1"))

		s := h.open("w1", "native")
		h.clock.Advance(time.Second)
		l := h.claim(s)
		wantLines(t, h.bus.take("a"), status("1"))
		if l.Attempt != (queue.Attempt{JobID: job.ID, N: 1, SessionID: s.ID}) || !l.Deadline.IsZero() || l.AccountID != "a" || l.ClientID != "tab" {
			t.Fatalf("leased %+v", l)
		}
		wantText(t, "prompt", l.Graph.Prompt, `{"9": {"class_type":"SaveImage"}}`)
		wantText(t, "edits", l.Graph.Edits, `[{1 2 x true}]`)
		wantText(t, "inputs", l.Graph.Inputs, `[{1 image cat.png h 7}]`)
		wantText(t, "outputs", l.Graph.Outputs, `[9]`)
		wantText(t, "secrets", l.Secrets, `"sealed"`)
		if j := h.job("a", "p"); j.State != settee.InProgress || !j.StartedAt.Equal(start.Add(time.Second)) {
			t.Fatalf("running %+v", j)
		}

		report := []settee.Frame{
			{Type: settee.EventStart, Data: json.RawMessage(`{"prompt_id":"p"}`)},
			{Type: settee.EventCached, Data: json.RawMessage(`{"nodes":[],"prompt_id":"p","timestamp":5}`)},
			{Type: settee.EventExecuting, Data: json.RawMessage(`{"node":"9","note":"<b>"}`)},
			{Binary: []byte("png"), Node: "9"},
		}
		if err := h.Report(t.Context(), l.Attempt, report); err != nil {
			t.Fatal(err)
		}
		wantLines(t, h.bus.take("a"),
			`execution_start #1 {"prompt_id":"p","timestamp":1767225601000}`,
			`execution_cached #2 {"nodes":[],"prompt_id":"p","timestamp":5}`,
			`executing {"node":"9","note":"<b>"}`,
			` png`)
		d, err := h.Detail(t.Context(), "a", "p")
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, "messages so far", d.Messages, `[["execution_start",{"prompt_id":"p","timestamp":1767225601000}],["execution_cached",{"nodes":[],"prompt_id":"p","timestamp":5}]]`)

		x := image("9", "cat")
		x.ParentNode, x.MetaNode = "8", "2"
		x.Output[0].Entries[0].JSON = json.RawMessage(`{"kind": "<x>"}`)
		x.Output = append(x.Output, engine.Key{Name: "animated", Entries: []engine.Entry{{JSON: json.RawMessage(`true`)}}}, engine.Key{Name: "empty"})
		output := `{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output","kind": "<x>"}],"animated":[true],"empty":[]}`
		wantText(t, "output", h.execute(l, x), output)
		shown := `{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output","kind":"<x>"}],"animated":[true],"empty":[]}`
		wantLines(t, h.bus.take("a"), `executed #3 {"node":"9","display_node":"9","output":`+shown+`,"prompt_id":"p"}`)
		h.execute(l, engine.Executed{Node: "7", DisplayNode: "7", RealNode: "7", Null: true})
		wantLines(t, h.bus.take("a"), `executed #4 {"node":"7","display_node":"7","output":null,"prompt_id":"p"}`)

		h.clock.Advance(2 * time.Second)
		h.finish(l, success(l))
		wantLines(t, h.bus.take("a"),
			`execution_success #5 end {"prompt_id":"p","timestamp":1767225603000}`,
			status("0"),
			`executing {"node":null,"prompt_id":"p"}`)
		j := h.job("a", "p")
		if j.State != settee.Completed || j.OutputsCount != 1 || j.Reason != settee.ReasonNone || !j.EndedAt.Equal(start.Add(3*time.Second)) {
			t.Fatalf("ended %+v", j)
		}
		wantText(t, "preview", j.PreviewOutput, `{"filename":"cat_00001_.png","subfolder":"","type":"output","nodeId":"9","mediaType":"images"}`)
		past, err := h.History(t.Context(), "a", 10, -1)
		if err != nil || len(past) != 1 {
			t.Fatalf("history %v, %v", past, err)
		}
		wantText(t, "outputs", past[0].Result.Outputs, `{"9":`+output+`}`)
		wantText(t, "meta", past[0].Meta, `{"9":{"node_id":"2","display_node":"2","parent_node":"8","real_node_id":"2"}}`)
		wantText(t, "messages", past[0].Messages, `[["execution_start",{"prompt_id":"p","timestamp":1767225601000}],`+
			`["execution_cached",{"nodes":[],"prompt_id":"p","timestamp":5}],["execution_success",{"prompt_id":"p","timestamp":1767225603000}]]`)

		var left int
		if err := h.db.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM job_graphs WHERE secrets IS NOT NULL`).Scan(&left)
		}); err != nil || left != 0 {
			t.Fatalf("%d secrets are left (%v)", left, err)
		}
		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l)), settee.CodeLeaseLost)
		wantCode(t, h.Report(t.Context(), l.Attempt, report), settee.CodeLeaseLost)
		wantLines(t, h.bus.take("a"))
	})
}

// What a node raised ends the job for good, and is its error.
func TestFailure(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		l := h.claim(h.open("w1", "native"))
		h.finish(l, queue.Ending{State: settee.Failed, Reason: settee.ReasonError,
			Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{"node_id":"3"}`)}})
		j := h.job("a", "p")
		wantText(t, "state", string(j.State)+" "+string(j.Reason), "failed error")
		wantText(t, "error", j.Error, `{"node_id":"3","timestamp":1767225600000}`)
		wantLines(t, h.bus.take("a"), status("1"), status("1"),
			`execution_error #1 end {"node_id":"3","timestamp":1767225600000}`, status("0"), `executing {"node":null,"prompt_id":"p"}`)
	})
}

// Names count on for each account, type, folder and prefix; a name asked for is
// taken and replaces; a cached file is attached by its name.
func TestNames(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		h.submit("a", "p")
		l := h.claim(s)
		two := image("1", "cat")
		two.Output[0].Entries = append(two.Output[0].Entries, two.Output[0].Entries[0])
		wantText(t, "two", h.execute(l, two), `{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"},{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}`)
		named := image("2", "cat")
		named.Output[0].Entries[0].New.Name = "cat_00003_.png"
		h.execute(l, named)
		named.Output[0].Entries[0].New.Blob.Hash = "other"
		wantText(t, "named", h.execute(l, named), `{"images":[{"filename":"cat_00003_.png","subfolder":"","type":"output"}]}`)
		wantText(t, "next", h.execute(l, image("3", "cat")), `{"images":[{"filename":"cat_00004_.png","subfolder":"","type":"output"}]}`)
		temp := image("4", "cat")
		temp.Output[0].Entries[0].New.Type = settee.Temp
		wantText(t, "temp", h.execute(l, temp), `{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"temp"}]}`)
		old := engine.Executed{Node: "5", DisplayNode: "5", RealNode: "5", Output: []engine.Key{{Name: "images", Entries: []engine.Entry{
			{Old: &settee.File{Filename: "cat_00003_.png", Type: settee.Output}}, {Old: &settee.File{Filename: "away.png", Type: settee.Input}}}}}}
		h.execute(l, old)
		h.finish(l, success(l))
		wantText(t, "count", h.job("a", "p").OutputsCount, "8")
		var attached string
		if err := h.db.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT hash FROM job_outputs WHERE node = '5'`).Scan(&attached)
		}); err != nil || attached != "other" {
			t.Fatalf("attached %q, %v", attached, err)
		}
		wantText(t, "assets", h.names("a"), "cat_00001_.png cat_00001_.png cat_00002_.png cat_00003_.png cat_00004_.png")

		bad := image("6", "cat")
		bad.Output[0].Entries[0].JSON = json.RawMessage(`[1]`)
		h.submit("a", "q")
		l = h.claim(s)
		_, err := h.Execute(t.Context(), l.Attempt, bad)
		wantCode(t, err, settee.CodeInvalid)
	})
}
