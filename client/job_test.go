package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

func TestOutputsKeepTheirOrder(t *testing.T) {
	raw := `{"9":{"images":[{"filename":"b.png","subfolder":"s","type":"temp"},{"filename":"a.png"}],"animated":[true]},"10":null,"2":{"text":["x","y"],"gifs":[{"filename":"c.webp","subfolder":"","type":"output","format":"image/webp"}]}}`
	var o client.Outputs
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		t.Fatal(err)
	}
	if got, want := canonical(t, o.Files()), `[{"Node":"9","Key":"images","File":{"filename":"b.png","subfolder":"s","type":"temp"}},{"Node":"9","Key":"images","File":{"filename":"a.png","subfolder":"","type":"output"}},{"Node":"2","Key":"gifs","File":{"filename":"c.webp","subfolder":"","type":"output"}}]`; got != want {
		t.Errorf("files %s", got)
	}
	if got := canonical(t, o.Texts()); got != `[{"Node":"2","Text":"x"},{"Node":"2","Text":"y"}]` {
		t.Errorf("texts %s", got)
	}
	if got, want := canonical(t, o), `{"9":{"images":[{"filename":"b.png","subfolder":"s","type":"temp"},{"filename":"a.png"}],"animated":[true]},"2":{"text":["x","y"],"gifs":[{"filename":"c.webp","subfolder":"","type":"output","format":"image/webp"}]}}`; got != want {
		t.Errorf("written %s", got)
	}
}

func TestJobFallsBackToHistory(t *testing.T) {
	entry := `{"outputs":{"9":{"images":[{"filename":"a.png"}]}},"status":{"status_str":"error","completed":false,"messages":[["execution_start",{"timestamp":1700000000123}],["execution_error",{"node_id":"4","node_type":"X","exception_message":"boom\n","timestamp":1700000001123}]]}}`
	for name, body := range map[string]string{"keyed": `{"p":` + entry + `}`, "flat": entry} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, map[string]http.HandlerFunc{"GET /api/history_v2/p": answer(200, body)})
			job, err := c.Job(t.Context(), "p")
			if err != nil {
				t.Fatal(err)
			}
			if job.State != settee.Failed || job.Error.NodeID != "4" || job.EndedAt.Sub(job.StartedAt.Time) != time.Second || len(job.Outputs.Files()) != 1 {
				t.Errorf("job %s", canonical(t, job))
			}
		})
	}
}

func TestJobThatIsNotThere(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{
		"GET /api/jobs/p":       answer(404, `{"code":"not_found","message":"Job not found"}`),
		"GET /api/history_v2/p": func(http.ResponseWriter, *http.Request) { t.Error("asked for its history") },
	})
	if _, err := c.Job(t.Context(), "p"); client.StatusOf(err) != 404 {
		t.Errorf("error %v", err)
	}
}

func TestPythonsNumbersInAnAnswer(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{"GET /api/jobs/p": answer(200,
		`{"id":"p","status":"completed","create_time":1,"workflow":{"prompt":{"1":{"inputs":{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" Infinity"}}}}}`)})
	job, err := c.Job(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(job.Workflow), `{"prompt":{"1":{"inputs":{"a":null,"b":[null,null],"c":"NaN \" Infinity"}}}}`; got != want {
		t.Errorf("workflow %s", got)
	}
}

func TestJobs(t *testing.T) {
	var query string
	c := serve(t, map[string]http.HandlerFunc{"GET /api/jobs": func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		answer(200, `{"jobs":[{"id":"a","status":"error","create_time":1700000000000}],"pagination":{"offset":0,"limit":5,"total":9,"has_more":true}}`)(w, r)
	}})
	jobs, page, err := c.Jobs(t.Context(), client.Filter{States: []settee.JobState{settee.Pending, settee.Failed}, Limit: 5, Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	if query != "limit=5&sort_order=asc&status=pending%2Cfailed" {
		t.Errorf("query %s", query)
	}
	if len(jobs) != 1 || jobs[0].State != settee.Failed || jobs[0].CreatedAt.UnixMilli() != 1700000000000 || page.Total != 9 || !page.HasMore {
		t.Errorf("%+v %+v", jobs, page)
	}
}

func TestCancelWhereThePathIsNot(t *testing.T) {
	var bodies []string
	keep := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.URL.Path+" "+string(body))
	}
	c := serve(t, map[string]http.HandlerFunc{"POST /api/queue": keep, "POST /api/interrupt": keep})
	ok, err := c.Cancel(t.Context(), "p")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if got := canonical(t, bodies); got != `["/api/queue {\"delete\":[\"p\"]}","/api/interrupt {\"prompt_id\":\"p\"}"]` {
		t.Errorf("sent %s", got)
	}
}

func TestCancelOfAJobThatIsNotThere(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{"POST /api/jobs/p/cancel": answer(404, `{"code":"not_found","message":"no such job"}`)})
	if _, err := c.Cancel(t.Context(), "p"); client.StatusOf(err) != 404 {
		t.Errorf("error %v", err)
	}
}

func TestObjectInfoWithAndWithoutClasses(t *testing.T) {
	all := answer(200, `{"A":{"x":1},"B":{"y":Infinity}}`)
	one := serve(t, map[string]http.HandlerFunc{
		"GET /api/object_info/A": answer(200, `{"A":{"x":1}}`),
		"GET /api/object_info/C": answer(200, `{}`),
	})
	got, err := one.ObjectInfo(t.Context(), "A", "C")
	if err != nil || canonical(t, got) != `{"A":{"x":1}}` {
		t.Errorf("%s %v", canonical(t, got), err)
	}
	whole := serve(t, map[string]http.HandlerFunc{"GET /api/object_info": all})
	got, err = whole.ObjectInfo(t.Context(), "A")
	if err != nil || canonical(t, got) != `{"A":{"x":1},"B":{"y":null}}` {
		t.Errorf("%s %v", canonical(t, got), err)
	}
}

func TestStateWords(t *testing.T) {
	for word, want := range map[string]settee.JobState{
		"pending": settee.Pending, "queued_limited": settee.Pending, "waiting_to_dispatch": settee.Pending,
		"in_progress": settee.InProgress, "executing": settee.InProgress, "cancel_requested": settee.InProgress, "novelty": settee.InProgress,
		"completed": settee.Completed, "success": settee.Completed,
		"failed": settee.Failed, "error": settee.Failed, "non_retryable_error": settee.Failed, "lost": settee.Failed,
		"cancelled": settee.Cancelled,
	} {
		if got := client.State(word); got != want {
			t.Errorf("%s is %s", word, got)
		}
	}
}
