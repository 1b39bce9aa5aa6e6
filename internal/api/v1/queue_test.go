package v1_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

func TestQueueShowsComfyUIsTuples(t *testing.T) {
	h := newHouse(t, false)
	h.ask("GET", "/api/queue", "").is(200, `{"queue_running":[],"queue_pending":[]}`)
	h.submit(id1, `, "client_id": "tab", "extra_data": {"api_key_comfy_org": "comfyui-partner", "note": 1.0}`)
	h.submit(id2, `, "number": 7.5`)
	h.submit(id3, `, "front": true`)
	want := func(running, pending string) string {
		return `{"queue_running":[` + running + `],"queue_pending":[` + pending + `]}`
	}
	first := `[1,"` + id1 + `",` + shown + `,{"api_key_comfy_org":"[REDACTED]","note":1.0,"client_id":"tab"},["9"]]`
	second := `[7.5,"` + id2 + `",` + shown + `,{},["9"]]`
	third := `[-2,"` + id3 + `",` + shown + `,{},["9"]]`
	for _, path := range []string{"/api/queue", "/queue"} {
		h.ask("GET", path, "").is(200, want("", third+","+first+","+second))
	}
	if l := h.claim(); l.PromptID != id3 {
		t.Fatalf("claimed %s", l.PromptID)
	}
	h.ask("GET", "/queue", "").is(200, want(third, first+","+second))
	h.ask("GET", "/queue", "", "X-API-Key", "key-b").is(200, want("", ""))
}

// Each request finds three jobs waiting and one running.
func TestManageQueue(t *testing.T) {
	const four = "00000000-0000-4000-8000-000000000004"
	all := `{"exec_info":{"queue_remaining":4}}`
	cases := []struct {
		name, body string
		status     int
		prefixed   string // the body under /api with a key
		remaining  string
	}{
		{"delete one", `{"delete": ["` + id2 + `"]}`, 200, `{"deleted":["` + id2 + `"],"cleared":false}`, `{"exec_info":{"queue_remaining":3}}`},
		{"delete one that runs", `{"delete": ["` + id1 + `"]}`, 200, `{"deleted":[],"cleared":false}`, all},
		{"delete unknown ones", `{"delete": ["x", 5, null]}`, 200, `{"deleted":[],"cleared":false}`, all},
		{"clear", `{"clear": true}`, 200, `{"deleted":["` + id2 + `","` + id3 + `","` + four + `"],"cleared":true}`, `{"exec_info":{"queue_remaining":1}}`},
		{"clear by another truth", `{"clear": 1}`, 200, `{"deleted":["` + id2 + `","` + id3 + `","` + four + `"],"cleared":true}`, `{"exec_info":{"queue_remaining":1}}`},
		{"clear false", `{"clear": false}`, 200, `{"deleted":[],"cleared":false}`, all},
		{"nothing", `{}`, 200, `{"deleted":[],"cleared":false}`, all},
		{"a list", `[]`, 200, `{"deleted":[],"cleared":false}`, all},
		{"text for a list", `{"delete": "abc"}`, 200, `{"deleted":[],"cleared":false}`, all},
		{"null for a list", `{"delete": null}`, 400, `{"code":"invalid_request","message":"delete must be a list of prompt ids."}`, all},
		{"no JSON", `{`, 400, `{"code":"invalid_request","message":"The body cannot be read as JSON."}`, all},
		{"no body", ``, 400, `{"code":"invalid_request","message":"The body cannot be read as JSON."}`, all},
		{"a number", `5`, 400, `{"code":"invalid_request","message":"The body must be an object with clear or delete."}`, all},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/api/queue", "/queue"} {
				h := newHouse(t, false)
				for _, id := range []string{id1, id2, id3, four} {
					h.submit(id, "")
				}
				h.claim()
				h.ask("POST", path, c.body, "X-API-Key", "key-b") // another account's: no effect
				want := c.prefixed
				if path == "/queue" && c.status == 200 {
					want = ""
				}
				h.ask("POST", path, c.body).is(c.status, want)
				h.ask("GET", "/prompt", "").is(200, c.remaining)
			}
		})
	}
	h := newHouse(t, true)
	h.ask("POST", "/api/queue", `{"clear": true}`).is(200, "")
}

func TestInterrupt(t *testing.T) {
	cases := []struct {
		name, body string
		status     int
		asked      bool // whether the running job is asked to stop
	}{
		{"no body", "", 200, true},
		{"an empty object", "{}", 200, true},
		{"no JSON", "{", 200, true},
		{"by id", `{"prompt_id": "` + id1 + `"}`, 200, true},
		{"null", `{"prompt_id": null}`, 200, true},
		{"an empty id", `{"prompt_id": ""}`, 200, true},
		{"a job that waits", `{"prompt_id": "` + id2 + `"}`, 200, false},
		{"an unknown one", `{"prompt_id": "x"}`, 200, false},
		{"a number", `{"prompt_id": 5}`, 200, false},
		{"a list", `[]`, 400, false},
		{"null as a whole", `null`, 400, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, false)
			h.submit(id1, "")
			h.submit(id2, "")
			h.claim()
			if a := h.ask("POST", "/interrupt", c.body, "X-API-Key", "key-b"); a.status != c.status {
				t.Errorf("another account gets %d %s", a.status, a.body)
			}
			if job, err := h.Job(t.Context(), "a", id1); err != nil || job.CancelRequested {
				t.Fatalf("another account's interrupt reaches the job: %v", err)
			}
			a := h.ask("POST", "/api/interrupt", c.body, "X-API-Key", "key-a", "Content-Type", "application/x-www-form-urlencoded")
			want := ""
			if c.status != 200 {
				want = `{"code":"invalid_request","message":"The body must be an object with prompt_id, or empty."}`
			}
			a.is(c.status, want)
			for id, asked := range map[string]bool{id1: c.asked, id2: false} {
				job, err := h.Job(t.Context(), "a", id)
				if err != nil || job.CancelRequested != asked {
					t.Errorf("job %s: asked to stop %v, %v", id, job.CancelRequested, err)
				}
			}
		})
	}
}

func TestFree(t *testing.T) {
	h := newHouse(t, false)
	var freed []string
	h.api.Free = func(_ context.Context, account string) error {
		freed = append(freed, account)
		return nil
	}
	for _, body := range []string{"{}", `{"unload_models": true}`, `{"free_memory": 0}`, `{"free_memory": "no"}`, `{"unload_models": true, "free_memory": true}`} {
		a := h.ask("POST", "/free", body)
		a.is(200, "")
		if a.header.Get("Content-Length") != "0" || a.header.Get("Content-Type") != "" {
			t.Errorf("an empty answer has headers %v", a.header)
		}
	}
	h.ask("POST", "/api/free", `{"free_memory": 1}`, "X-API-Key", "key-b").is(200, "")
	if want := []string{"a", "a", "b"}; !slices.Equal(freed, want) {
		t.Errorf("results of %q were forgotten, want %q", freed, want)
	}
	h.ask("POST", "/free", "").is(400, `{"code":"invalid_request","message":"The body cannot be read as JSON."}`)
	h.ask("POST", "/free", "[]").is(400, `{"code":"invalid_request","message":"The body must be an object with unload_models or free_memory."}`)
	h.send("POST", "/free", `{"free_memory": true}`).is(401, `{"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`)
	h.ask("GET", "/api/free", "").is(http.StatusMethodNotAllowed, `{"code":"method_not_allowed","message":"This path answers POST."}`)
	if len(freed) != 3 {
		t.Errorf("a refused request forgot results: %q", freed)
	}
}

func TestCancel(t *testing.T) {
	h := newHouse(t, false)
	h.submit(id1, "")
	h.submit(id2, "")
	l := h.claim()
	state := func(id string, want settee.JobState, asked bool) {
		t.Helper()
		if job, err := h.Job(t.Context(), "a", id); err != nil || job.State != want || job.CancelRequested != asked {
			t.Errorf("job %s is %s, asked %v, %v; want %s, %v", id, job.State, job.CancelRequested, err, want, asked)
		}
	}
	const no = `{"code":"not_found","message":"There is no such job."}`
	h.ask("POST", "/api/jobs/"+id2+"/cancel", "", "X-API-Key", "key-b").is(404, no)
	h.ask("POST", "/api/jobs/"+id3+"/cancel", "").is(404, no)
	h.ask("POST", "/api/jobs/mine/cancel", "").is(400, `{"code":"invalid_request","message":"A job id is a UUID."}`)
	state(id2, settee.Pending, false)
	h.ask("POST", "/api/jobs/"+id2+"/cancel", "", "X-API-Key", "key-a", "Content-Type", "application/x-www-form-urlencoded").is(200, `{"cancelled":true}`)
	state(id2, settee.Cancelled, true)
	h.ask("POST", "/api/jobs/"+id2+"/cancel", "").is(200, `{"cancelled":false}`)
	h.ask("POST", "/api/job/"+id1+"/cancel", "").is(200, `{"cancelled":true}`)
	state(id1, settee.InProgress, true)
	h.ask("POST", "/api/jobs/"+id1+"/cancel", "").is(200, `{"cancelled":true}`)
	h.finish(l, settee.Cancelled, settee.ReasonUser, settee.EventInterrupted, `{"prompt_id":"`+id1+`"}`)
	h.ask("POST", "/api/jobs/"+id1+"/cancel", "").is(200, `{"cancelled":false}`)
}

func TestCancelSeveral(t *testing.T) {
	h := newHouse(t, false)
	for _, id := range []string{id1, id2, id3} {
		h.submit(id, "")
	}
	h.claim()
	const unknown = "00000000-0000-4000-8000-00000000000f"
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["`+id2+`", "`+unknown+`"]}`).is(404, `{"code":"not_found","message":"There is no such job."}`)
	if job, err := h.Job(t.Context(), "a", id2); err != nil || job.State != settee.Pending {
		t.Errorf("one of a list that was refused is %s, %v", job.State, err)
	}
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["`+id2+`", "`+id1+`"]}`).is(200, `{"cancelled":["`+id2+`","`+id1+`"]}`)
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["`+id2+`"]}`).is(200, `{"cancelled":[]}`)
	const wrong = `{"code":"invalid_request","message":"job_ids must be a list of 1 to 100 job ids."}`
	for _, body := range []string{`{}`, `{"job_ids": []}`, `{"job_ids": "` + id3 + `"}`, `[]`} {
		h.ask("POST", "/api/jobs/cancel", body).is(400, wrong)
	}
	many := `{"job_ids": ["` + id3 + `"`
	for range 100 {
		many += `, "` + id3 + `"`
	}
	h.ask("POST", "/api/jobs/cancel", many+`]}`).is(400, wrong)
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["mine"]}`).is(400, `{"code":"invalid_request","message":"A job id is a UUID."}`)
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": [5]}`).is(400, `{"code":"invalid_request","message":"job_ids must hold text only."}`)
}

func TestCancelOnAnOpenServerIsComfyUIs(t *testing.T) {
	h := newHouse(t, true)
	h.submit("any text", "")
	h.ask("POST", "/api/jobs/unknown/cancel", "").is(200, `{"cancelled":false}`)
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["unknown"]}`).is(200, `{"cancelled":false}`)
	h.ask("POST", "/api/jobs/cancel", `{"job_ids": ["unknown", "any text"]}`).is(200, `{"cancelled":true}`)
	h.ask("POST", "/api/jobs/any%20text/cancel", "").is(200, `{"cancelled":false}`)
}

// broken is a Queue of many jobs whose database goes away after some.
type broken struct {
	*queue.Service
	jobs, after int
}

func (q broken) Live(context.Context, string) (running, pending []string, err error) {
	return nil, make([]string, q.jobs), nil
}

func (q broken) Each(_ context.Context, _ string, ids []string, take func(*record.Detail) error) error {
	for i := range ids {
		if i == q.after {
			return settee.Faultf(settee.CodeUnavailable, "The database is away.")
		}
		prompt := json.RawMessage(`{"1":{"text":"` + strings.Repeat("x", 1<<10) + `"}}`)
		if err := take(&record.Detail{Job: settee.Job{PromptID: id1}, Graph: settee.Graph{Prompt: prompt}}); err != nil {
			return err
		}
	}
	return nil
}

// A long queue is sent while it is read. A fault before anything was sent is
// answered; one in the middle breaks the connection: nobody takes half a queue
// for a whole one.
func TestLongQueues(t *testing.T) {
	h := newHouse(t, false)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	ask := func(q broken) (int, []byte, error) {
		h.api.Queue = q
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/queue", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-API-Key", "key-a")
		answer, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer.StatusCode, body, err
	}
	var list struct {
		Pending []json.RawMessage `json:"queue_pending"`
	}
	status, body, err := ask(broken{jobs: 2000, after: 2000})
	if err != nil || status != 200 || json.Unmarshal(body, &list) != nil || len(list.Pending) != 2000 {
		t.Errorf("%d, %v, %d jobs in %d bytes", status, err, len(list.Pending), len(body))
	}
	status, body, err = ask(broken{jobs: 10, after: 5})
	if err != nil || status != 503 || string(body) != `{"code":"unavailable","message":"The database is away."}` {
		t.Errorf("a fault at the beginning: %d %.200s, %v", status, body, err)
	}
	if _, body, err = ask(broken{jobs: 2000, after: 1000}); err == nil {
		t.Errorf("half a queue of %d bytes looks whole", len(body))
	}
}
