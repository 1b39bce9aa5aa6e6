package v1_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
)

const noJob = `{"code":"not_found","message":"There is no such job."}`

func TestJobStatus(t *testing.T) {
	h := newHouse(t, false)
	path := "/api/job/" + id1 + "/status"
	h.ask("GET", path, "").is(404, noJob)
	h.submit(id1, "")
	want := func(status, updated, changed, message string) string {
		return fmt.Sprintf(`{"id":"%s","status":"%s","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:%sZ",`+
			`"last_state_update":"2026-01-01T00:00:%sZ","assigned_inference":null,"error_message":%s}`, id1, status, updated, changed, message)
	}
	h.ask("GET", path, "").is(200, want("pending", "00", "00", "null"))
	h.ask("GET", "/job/"+id1+"/status", "").is(200, want("pending", "00", "00", "null"))
	h.ask("GET", path, "", "X-API-Key", "key-b").is(404, noJob)
	h.clock.advance(time.Second)
	l := h.claim()
	h.ask("GET", path, "").is(200, want("in_progress", "01", "01", "null"))
	h.fail(l)
	h.ask("GET", path, "").is(200, want("failed", "02", "02", `"no room\n"`))
	h.ask("GET", "/api/job/none/status", "").is(404, noJob)
}

func TestJobStatusInRawWords(t *testing.T) {
	for _, c := range []struct {
		job  settee.Job
		want string
	}{
		{settee.Job{State: settee.Pending}, "queued_waiting"},
		{settee.Job{State: settee.InProgress}, "executing"},
		{settee.Job{State: settee.InProgress, CancelRequested: true}, "cancel_requested"},
		{settee.Job{State: settee.Completed}, "success"},
		{settee.Job{State: settee.Failed, Reason: settee.ReasonError}, "error"},
		{settee.Job{State: settee.Failed, Reason: settee.ReasonTimeout}, "error"},
		{settee.Job{State: settee.Failed, Reason: settee.ReasonLost}, "lost"},
		{settee.Job{State: settee.Cancelled, CancelRequested: true}, "cancelled"},
	} {
		h := newHouse(t, false)
		h.api.StatusDialect = "raw"
		h.api.Queue = oneJob{job: c.job}
		var status struct{ Status string }
		h.ask("GET", "/api/job/"+id1+"/status", "").into(&status)
		if status.Status != c.want {
			t.Errorf("%s, %s: got %s, want %s", c.job.State, c.job.Reason, status.Status, c.want)
		}
	}
}

// jobsOf runs one job of each ending, a second apart: id1 completes, id2 fails,
// id3 is cancelled before it starts; then four runs and five waits.
func jobsOf(t *testing.T, h *house) (four, five string) {
	t.Helper()
	four, five = "00000000-0000-4000-8000-000000000004", "00000000-0000-4000-8000-000000000005"
	h.complete(id1, withWorkflow)
	h.submit(id2, "")
	l := h.claim()
	h.clock.advance(5 * time.Second)
	h.finish(l, settee.Failed, settee.ReasonError, settee.EventError, strings.ReplaceAll(failureData, id1, id2))
	h.submit(id3, "")
	h.ask("POST", "/api/jobs/"+id3+"/cancel", "").is(200, `{"cancelled":true}`)
	h.clock.advance(time.Second)
	h.submit(four, `, "number": 2`)
	h.claim()
	h.clock.advance(time.Second)
	h.submit(five, `, "workflow_id": "other"`)
	return four, five
}

func TestListJobs(t *testing.T) {
	h := newHouse(t, false)
	h.ask("GET", "/api/jobs?status=in_progress,pending&limit=200&offset=0", "").
		is(200, `{"jobs":[],"pagination":{"offset":0,"limit":200,"total":0,"has_more":false}}`)
	four, five := jobsOf(t, h)
	ms := func(second int) int64 { return 1767225600000 + int64(second)*1000 }
	preview := `{"filename":"cat_00001_.png","subfolder":"","type":"output","nodeId":"9","mediaType":"images"}`
	failed := strings.TrimSuffix(strings.ReplaceAll(failureData, id1, id2), "}") + fmt.Sprintf(`,"timestamp":%d}`, ms(8))
	rows := map[string]string{
		id1:  fmt.Sprintf(`{"id":"%s","status":"completed","create_time":%d,"execution_start_time":%d,"execution_end_time":%d,"priority":1,"workflow_id":"wf","outputs_count":1,"preview_output":%s}`, id1, ms(0), ms(1), ms(2), preview),
		id2:  fmt.Sprintf(`{"id":"%s","status":"failed","create_time":%d,"execution_start_time":%d,"execution_end_time":%d,"priority":2,"outputs_count":0,"execution_error":%s}`, id2, ms(2), ms(2), ms(8), failed),
		id3:  fmt.Sprintf(`{"id":"%s","status":"cancelled","create_time":%d,"execution_end_time":%d,"priority":3,"outputs_count":0}`, id3, ms(8), ms(8)),
		four: fmt.Sprintf(`{"id":"%s","status":"in_progress","create_time":%d,"execution_start_time":%d,"priority":2.0}`, four, ms(9), ms(9)),
		five: fmt.Sprintf(`{"id":"%s","status":"pending","create_time":%d,"priority":4,"workflow_id":"other"}`, five, ms(10)),
	}
	cases := []struct {
		query         string
		offset, limit int
		total         int
		more          bool
		ids           []string
	}{
		{"", 0, 100, 5, false, []string{five, four, id3, id2, id1}},
		{"?status=", 0, 100, 5, false, []string{five, four, id3, id2, id1}},
		{"?status=in_progress,pending&limit=200&offset=0", 0, 200, 2, false, []string{five, four}},
		{"?status=completed,failed,cancelled&limit=2", 0, 2, 3, true, []string{id3, id2}},
		{"?status=completed,failed,cancelled&limit=2&offset=2", 2, 2, 3, false, []string{id1}},
		{"?status=completed&offset=7", 7, 100, 1, false, nil},
		{"?status=failed,%20cancelled", 0, 100, 2, false, []string{id3, id2}},
		{"?sort_order=asc&limit=3", 0, 3, 5, true, []string{id1, id2, id3}},
		{"?sort_by=create_time&sort_order=desc&limit=1", 0, 1, 5, true, []string{five}},
		{"?sort_by=execution_time&status=completed,failed", 0, 100, 2, false, []string{id2, id1}},
		{"?sort_by=execution_duration&sort_order=asc&status=completed,failed", 0, 100, 2, false, []string{id1, id2}},
		{"?workflow_id=other", 0, 100, 1, false, []string{five}},
		{"?output_type=image", 0, 100, 1, false, []string{id1}},
		{"?output_type=video", 0, 100, 0, false, nil},
		{"?limit=1000", 0, 1000, 5, false, []string{five, four, id3, id2, id1}},
	}
	for _, c := range cases {
		t.Run(c.query, func(t *testing.T) {
			var list []string
			for _, id := range c.ids {
				list = append(list, rows[id])
			}
			h.ask("GET", "/api/jobs"+c.query, "").is(200, fmt.Sprintf(`{"jobs":[%s],"pagination":{"offset":%d,"limit":%d,"total":%d,"has_more":%v}}`,
				strings.Join(list, ","), c.offset, c.limit, c.total, c.more))
		})
	}
	h.ask("GET", "/api/jobs", "", "X-API-Key", "key-b").is(200, `{"jobs":[],"pagination":{"offset":0,"limit":100,"total":0,"has_more":false}}`)
	h.ask("GET", "/jobs", "").is(404, `{"code":"not_found","message":"There is nothing at this path."}`)
}

func TestListJobsRefusesWhatItDoesNotKnow(t *testing.T) {
	h := newHouse(t, false)
	for query, message := range map[string]string{
		"status=success":             `status holds \"success\"; it may hold pending, in_progress, completed, failed and cancelled.`,
		"status=pending,done":        `status holds \"done\"; it may hold pending, in_progress, completed, failed and cancelled.`,
		"output_type=text":           `output_type must be image, video or audio.`,
		"sort_by=name":               `sort_by must be create_time or execution_time.`,
		"sort_order=up":              `sort_order must be asc or desc.`,
		"limit=0":                    `limit must be from 1 to 1000.`,
		"limit=1001":                 `limit must be from 1 to 1000.`,
		"limit=-1":                   `limit must be from 1 to 1000.`,
		"limit=many":                 `The parameter limit cannot be read.`,
		"limit=99999999999999999999": `The parameter limit cannot be read.`,
		"offset=-1":                  `offset must not be negative.`,
		"offset=1.5":                 `The parameter offset cannot be read.`,
	} {
		h.ask("GET", "/api/jobs?"+query, "").is(400, `{"code":"invalid_request","message":"`+message+`"}`)
	}
}

func TestJobDetail(t *testing.T) {
	h := newHouse(t, false)
	h.submit(id1, withWorkflow)
	path := "/api/jobs/" + id1
	extra := `{"extra_pnginfo":{"workflow":{"id":"wf","nodes":[]},"more":[1]},"client_id":"tab"}`
	workflow := `"workflow":{"prompt":` + shown + `,"extra_data":` + extra + `}`
	output := `{"9":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}}`
	h.ask("GET", path, "").is(200, `{"id":"`+id1+`","status":"pending","create_time":1767225600000,"priority":1,"workflow_id":"wf",`+
		`"update_time":1767225600000,`+workflow+`,"outputs":{}}`)
	h.clock.advance(time.Second)
	l := h.claim()
	h.save(l)
	h.ask("GET", path, "").is(200, `{"id":"`+id1+`","status":"in_progress","create_time":1767225600000,"execution_start_time":1767225601000,"priority":1,"workflow_id":"wf",`+
		`"update_time":1767225601000,`+workflow+`,"outputs":`+output+`}`)
	h.succeed(l)
	h.ask("GET", path, "").is(200, `{"id":"`+id1+`","status":"completed","create_time":1767225600000,"execution_start_time":1767225601000,"execution_end_time":1767225602000,"priority":1,"workflow_id":"wf",`+
		`"outputs_count":1,"preview_output":{"filename":"cat_00001_.png","subfolder":"","type":"output","nodeId":"9","mediaType":"images"},`+
		`"update_time":1767225602000,`+workflow+`,"outputs":`+output+`,`+
		`"execution_status":{"status_str":"success","completed":true,"messages":[["execution_start",{"prompt_id":"`+id1+`","timestamp":1767225601000}],["execution_success",{"prompt_id":"`+id1+`","timestamp":1767225602000}]]},`+
		`"execution_meta":{"9":{"node_id":"9","display_node":"9","parent_node":null,"real_node_id":"9"}}}`)
	h.ask("GET", path, "", "X-API-Key", "key-b").is(404, noJob)
	h.ask("GET", "/api/jobs/"+id2, "").is(404, noJob)
}

// A job that no node failed has an execution_error with all the fields an
// editor checks, or the whole list is dropped.
func TestLostJobsShowAnError(t *testing.T) {
	h := newHouse(t, false)
	h.submit(id1, "")
	for range 3 {
		h.claim()
		h.clock.advance(time.Hour)
		if err := h.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		var err error
		if h.session, err = h.Open(t.Context(), "worker", "native", settee.Description{Engine: "native", Depth: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var list struct {
		Jobs []struct {
			Status string
			Error  struct {
				Node      *string         `json:"node_id"`
				Type      *string         `json:"node_type"`
				Message   string          `json:"exception_message"`
				Exception string          `json:"exception_type"`
				Traceback []string        `json:"traceback"`
				Inputs    *map[string]any `json:"current_inputs"`
				Outputs   any             `json:"current_outputs"`
			} `json:"execution_error"`
		}
	}
	h.ask("GET", "/api/jobs", "").into(&list)
	e := list.Jobs[0].Error
	if list.Jobs[0].Status != "failed" || e.Node == nil || e.Type == nil || e.Message == "" || e.Exception == "" || e.Traceback == nil || e.Inputs == nil || e.Outputs == nil {
		t.Errorf("got %+v", list.Jobs[0])
	}
}
