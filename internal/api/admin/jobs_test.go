package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

func (h *house) submit(accountID, promptID string, number *float64) settee.Job {
	h.t.Helper()
	h.now = h.now.Add(time.Second)
	j, err := h.queue.Submit(h.t.Context(), queue.Submission{AccountID: accountID, PromptID: promptID, Number: number, Lane: "native",
		Graph: settee.Graph{Prompt: json.RawMessage(`{"1":{}}`), ExtraData: json.RawMessage(`{}`), Outputs: []string{"1"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// fail runs the next job until a node raises.
func (h *house) fail(data string) {
	h.t.Helper()
	s, err := h.queue.Open(h.t.Context(), "worker", "native", settee.Description{Engine: "native", Depth: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	l, err := h.queue.Claim(h.t.Context(), s, false)
	if err != nil {
		h.t.Fatal(err)
	}
	h.now = h.now.Add(time.Second)
	err = h.queue.Report(h.t.Context(), l.Attempt, []settee.Frame{{AccountID: l.AccountID, PromptID: l.PromptID, Type: settee.EventStart,
		Data: json.RawMessage(`{"prompt_id":"` + l.PromptID + `"}`)}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.now = h.now.Add(time.Second)
	err = h.queue.Finish(h.t.Context(), l.Attempt, queue.Ending{State: settee.Failed, Reason: settee.ReasonError,
		Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(data)}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestJobsOfEverybody(t *testing.T) { storetest.Each(t, jobsOfEverybody) }

func jobsOfEverybody(t *testing.T, db *store.DB) {
	h := houseOn(t, db, false)
	ann, err := h.accounts.Create(t.Context(), "ann", "pro")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := h.accounts.Create(t.Context(), "bob", "pro")
	if err != nil {
		t.Fatal(err)
	}
	h.submit(ann.ID, "a1", nil)
	h.fail(`{"prompt_id":"a1","node_id":"1","exception_message":"no","current_inputs":{"seed":18446744073709551615}}`)
	number := 7.0
	h.submit(bob.ID, "b1", &number)
	h.submit(ann.ID, "a2", nil)
	h.submit(bob.ID, "a2", nil)

	at := func(s float64) string {
		return h.now.Add(time.Duration((s - 6) * float64(time.Second))).Format(time.RFC3339Nano)
	}
	pending := func(prompt, account, number string, created float64) string {
		return `{"id":"ID","prompt_id":"` + prompt + `","account":"` + account + `","status":"pending","number":` + number +
			`,"lane":"native","attempt":0,"outputs_count":0,"cancel_requested":false,"created_at":"` + at(created) + `"}`
	}
	b1, a2, b2 := pending("b1", "bob", "7.0", 4), pending("a2", "ann", "2", 5), pending("a2", "bob", "1", 6)
	a1 := `{"id":"ID","prompt_id":"a1","account":"ann","status":"failed","reason":"error","number":1,"lane":"native","attempt":1,"outputs_count":0,` +
		`"cancel_requested":false,"created_at":"` + at(1) + `","started_at":"` + at(1) + `","ended_at":"` + at(3) + `","error":`
	_, text := h.send(h.key, "GET", "/admin/jobs/a1", "")
	if begins := ids.ReplaceAllString(text, `"ID"`); !strings.HasPrefix(begins, a1) || !strings.Contains(text, `"exception_message":"no","current_inputs":{"seed":18446744073709551615}`) {
		t.Errorf("got  %s\nwant %s…", begins, a1)
	}

	page := func(jobs string, offset, limit, total int, more bool) string {
		return fmt.Sprintf(`{"jobs":[%s],"pagination":{"offset":%d,"limit":%d,"total":%d,"has_more":%v}}`, jobs, offset, limit, total, more)
	}
	h.want(200, page(b2+","+a2, 0, 2, 4, true), "GET", "/admin/jobs?limit=2", "")
	h.want(200, page(b1, 2, 1, 4, true), "GET", "/admin/jobs?limit=1&offset=2", "")
	h.want(200, page(b2+","+b1, 0, 50, 2, false), "GET", "/admin/jobs?account=bob", "")
	h.want(200, page(a2, 0, 50, 1, false), "GET", "/admin/jobs?account=ann&status=pending,in_progress", "")
	h.want(200, page("", 0, 50, 0, false), "GET", "/admin/jobs?status=cancelled", "")
	h.want(200, b1, "GET", "/admin/jobs/b1", "")

	h.want(409, `{"code":"conflict","message":"Several accounts have a job with prompt_id a2; name it by its id."}`, "GET", "/admin/jobs/a2", "")
	h.want(409, `{"code":"conflict","message":"Several accounts have a job with prompt_id a2; name it by its id."}`, "POST", "/admin/jobs/a2/cancel", "")
	for _, path := range []string{"/admin/jobs/nothing", "/admin/jobs/01900000-0000-7000-8000-000000000000"} {
		if status, body := h.send(h.key, "GET", path, ""); status != 404 || body[:20] != `{"code":"not_found",` {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	h.want(404, `{"code":"not_found","message":"There is no account \"nobody\"."}`, "GET", "/admin/jobs?account=nobody", "")
	h.want(400, `{"code":"invalid_request","message":"The status must be of pending, in_progress, completed, failed and cancelled."}`, "GET", "/admin/jobs?status=done", "")
	for query, message := range map[string]string{
		"limit=0": "The limit must be a number from 1 to 1000.", "limit=x": "The limit must be a number from 1 to 1000.", "limit=1001": "The limit must be a number from 1 to 1000.",
		"offset=-1": "The offset must be a number from 0 to 1099511627776.",
	} {
		h.want(400, `{"code":"invalid_request","message":"`+message+`"}`, "GET", "/admin/jobs?"+query, "")
	}
}

func TestCancellingAnybodysJob(t *testing.T) {
	h := newHouse(t, false)
	ann, err := h.accounts.Create(t.Context(), "ann", "pro")
	if err != nil {
		t.Fatal(err)
	}
	j := h.submit(ann.ID, "mine", nil)
	h.want(200, `{"cancelled":true}`, "POST", "/admin/jobs/"+j.ID+"/cancel", "{}")
	h.want(200, `{"cancelled":false}`, "POST", "/admin/jobs/mine/cancel", "")
	if got, err := h.queue.Job(t.Context(), ann.ID, "mine"); err != nil || got.State != settee.Cancelled {
		t.Errorf("%+v, %v", got, err)
	}
}
