package v1_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// successEntry is a completed job of the house in GET history: submitted at
// second n, started a second later, ended a second after that.
func successEntry(id string, number, second int) string {
	began := 1767225600000 + int64(second+1)*1000
	return fmt.Sprintf(`{"prompt":[%d,"%s",%s,{"extra_pnginfo":{"workflow":{"id":"wf","nodes":[]},"more":[1]},"client_id":"tab"},["9"]],`+
		`"outputs":{"9":{"images":[{"filename":"cat_0000%d_.png","subfolder":"","type":"output"}]}},`+
		`"status":{"status_str":"success","completed":true,"messages":[["execution_start",{"prompt_id":"%s","timestamp":%d}],["execution_success",{"prompt_id":"%s","timestamp":%d}]]},`+
		`"meta":{"9":{"node_id":"9","display_node":"9","parent_node":null,"real_node_id":"9"}}}`,
		number, id, shown, number, id, began, id, began+1000)
}

const withWorkflow = `, "client_id": "tab", "extra_data": {"extra_pnginfo": {"workflow": {"id": "wf", "nodes": []}, "more": [1]}}`

func TestHistory(t *testing.T) {
	h := newHouse(t, false)
	h.ask("GET", "/api/history", "").is(200, `{}`)
	h.complete(id2, withWorkflow)
	h.complete(id1, withWorkflow)
	h.complete(id3, withWorkflow)
	two := `"` + id2 + `":` + successEntry(id2, 1, 0)
	one := `"` + id1 + `":` + successEntry(id1, 2, 2)
	three := `"` + id3 + `":` + successEntry(id3, 3, 4)
	for query, want := range map[string]string{
		"":                            two + "," + one + "," + three,
		"?max_items=2":                one + "," + three,
		"?max_items=64":               two + "," + one + "," + three,
		"?max_items=2&offset=-3":      one + "," + three,
		"?max_items=1&offset=0":       two,
		"?offset=1":                   one + "," + three,
		"?max_items=1&offset=1":       one,
		"?max_items=1&offset=99":      "",
		"?max_items=0":                "",
		"?max_items=-5":               "",
		"?max_items=9999999999999999": two + "," + one + "," + three,
	} {
		for _, path := range []string{"/history", "/api/history"} {
			h.ask("GET", path+query, "").is(200, "{"+want+"}")
		}
	}
	for _, query := range []string{"?max_items=abc", "?max_items="} {
		h.ask("GET", "/history"+query, "").is(400, `{"code":"invalid_request","message":"The parameter max_items cannot be read."}`)
	}
	h.ask("GET", "/history?offset=abc", "").is(400, `{"code":"invalid_request","message":"The parameter offset cannot be read."}`)
	h.ask("GET", "/history/"+id1, "").is(200, "{"+one+"}")
	h.ask("GET", "/history/none", "").is(200, `{}`)
	h.ask("GET", "/history", "", "X-API-Key", "key-b").is(200, `{}`)
	h.ask("GET", "/history/"+id1, "", "X-API-Key", "key-b").is(200, `{}`)
}

func TestHistoryHoldsWhatHasStartedAndEnded(t *testing.T) {
	h := newHouse(t, false)
	h.submit(id1, "")
	h.submit(id2, "")
	h.ask("POST", "/queue", `{"delete": ["`+id2+`"]}`).is(200, "")
	h.ask("GET", "/history/"+id1, "").is(200, `{}`)
	h.ask("GET", "/history/"+id2, "").is(200, `{}`)
	l := h.claim()
	h.ask("GET", "/history/"+id1, "").is(200, `{}`)
	h.ask("GET", "/api/history_v2/"+id1, "").is(404, `{"code":"not_found","message":"The history has no such job."}`)
	h.save(l)
	h.fail(l)
	stamped := strings.TrimSuffix(failureData, "}") + `,"timestamp":1767225601000}`
	h.ask("GET", "/history", "").is(200, `{"`+id1+`":{"prompt":[1,"`+id1+`",`+shown+`,{},["9"]],`+
		`"outputs":{"9":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}},`+
		`"status":{"status_str":"error","completed":false,"messages":[["execution_start",{"prompt_id":"`+id1+`","timestamp":1767225600000}],["execution_error",`+stamped+`]]},`+
		`"meta":{"9":{"node_id":"9","display_node":"9","parent_node":null,"real_node_id":"9"}}}}`)
}

func TestManageHistory(t *testing.T) {
	for _, path := range []string{"/history", "/api/history"} {
		h := newHouse(t, false)
		ids := func() string {
			var all map[string]json.RawMessage
			h.ask("GET", "/history", "").into(&all)
			list := ""
			for _, id := range []string{id1, id2, id3} {
				if _, ok := all[id]; ok {
					list += id[len(id)-1:]
				}
			}
			return list
		}
		for _, id := range []string{id1, id2, id3} {
			h.complete(id, "")
		}
		for _, step := range []struct{ body, key, left string }{
			{`{"delete": ["` + id2 + `"]}`, "key-b", "123"},
			{`{"clear": true}`, "key-b", "123"},
			{`{"delete": ["` + id2 + `", "unknown"]}`, "key-a", "13"},
			{`{"clear": false}`, "key-a", "13"},
			{`{"delete": "` + id1 + `"}`, "key-a", "13"},
			{`[]`, "key-a", "13"},
			{`{"clear": true}`, "key-a", ""},
		} {
			h.ask("POST", path, step.body, "X-API-Key", step.key).is(200, "")
			if got := ids(); got != step.left {
				t.Errorf("after %s by %s: left %q, want %q", step.body, step.key, got, step.left)
			}
		}
		h.ask("POST", path, `{`).is(400, `{"code":"invalid_request","message":"The body cannot be read as JSON."}`)
		h.ask("POST", path, `{"delete": null}`).is(400, `{"code":"invalid_request","message":"delete must be a list of prompt ids."}`)
	}
}

func TestHistoryV2(t *testing.T) {
	h := newHouse(t, false)
	h.ask("GET", "/api/history_v2", "").is(200, `{"history":[]}`)
	h.complete(id1, withWorkflow)
	h.complete(id2, withWorkflow)
	entry := func(id string, number, second int) string {
		local := successEntry(id, number, second)
		return fmt.Sprintf(`{"prompt_id":"%s","create_time":%d,"workflow_id":"wf","prompt":{"priority":%d,"prompt_id":"%s","extra_data":{"extra_pnginfo":{"more":[1]},"client_id":"tab"}},`,
			id, 1767225600000+int64(second)*1000, number, id) + local[strings.Index(local, `"outputs"`):]
	}
	two, one := entry(id2, 2, 2), entry(id1, 1, 0)
	for query, want := range map[string]string{
		"":                      two + "," + one,
		"?max_items=1":          two,
		"?max_items=1&offset=1": one,
		"?offset=1":             one,
		"?offset=2":             "",
		"?max_items=0":          "",
		"?offset=99999999":      "",
	} {
		h.ask("GET", "/api/history_v2"+query, "").is(200, `{"history":[`+want+`]}`)
	}
	h.ask("GET", "/api/history_v2?offset=-1", "").is(400, `{"code":"invalid_request","message":"offset must not be negative."}`)
	local := successEntry(id1, 1, 0)
	h.ask("GET", "/api/history_v2/"+id1, "").is(200, `{"`+id1+`":{`+local[strings.Index(local, `"meta"`):len(local)-1]+`,`+
		local[strings.Index(local, `"outputs"`):strings.Index(local, `,"status"`)]+`,`+
		`"prompt":{"extra_data":{"extra_pnginfo":{"workflow":{"id":"wf","nodes":[]},"more":[1]},"client_id":"tab"},"outputs_to_execute":["9"],"priority":1,"prompt":`+shown+`,"prompt_id":"`+id1+`"},`+
		local[strings.Index(local, `"status"`):strings.Index(local, `,"meta"`)]+`}}`)
	h.ask("GET", "/api/history_v2/"+id3, "").is(404, `{"code":"not_found","message":"There is no such job."}`)
	h.ask("GET", "/api/history_v2/"+id1, "", "X-API-Key", "key-b").is(404, `{"code":"not_found","message":"There is no such job."}`)
}

// details is a Queue that answers one job.
type details struct {
	*queue.Service
	d record.Detail
}

func (q details) History(_ context.Context, _ string, _, _ int) ([]string, error) {
	return []string{q.d.ID}, nil
}
func (q details) Live(context.Context, string) (running, pending []string, err error) {
	return []string{q.d.ID}, nil, nil
}
func (q details) Each(_ context.Context, _ string, ids []string, take func(*record.Detail) error) error {
	for range ids {
		if err := take(&q.d); err != nil {
			return err
		}
	}
	return nil
}
func (q details) Detail(context.Context, string, string) (record.Detail, error) { return q.d, nil }

// Python writes NaN and Infinity; no browser reads them. Everything else of a
// graph stays as it was sent, seeds beyond 2^53 too.
func TestGraphsKeepTheirBytes(t *testing.T) {
	h := newHouse(t, false)
	detail := record.Detail{Job: settee.Job{PromptID: id1, State: settee.Completed, Attempt: 1},
		Graph: settee.Graph{Prompt: json.RawMessage(`{"b":{"seed":18446744073709551615,"e":1e3,"<":"\u00e9 é"},"a":{}}`), Outputs: []string{"b"}}}
	for _, c := range []struct{ prompt, want string }{
		{string(detail.Prompt), string(detail.Prompt)},
		{`{"b": {"x": NaN, "seed": 18446744073709551615, "y": [-Infinity]}, "a": {}}`, `{"b":{"x":null,"seed":18446744073709551615,"y":[null]},"a":{}}`},
	} {
		detail.Prompt = json.RawMessage(c.prompt)
		h.api.Queue = details{d: detail}
		for path, frame := range map[string][2]string{
			"/queue":                 {`{"queue_running":[[0,"` + id1 + `",`, `,{},["b"]]],"queue_pending":[]}`},
			"/history":               {`{"` + id1 + `":{"prompt":[0,"` + id1 + `",`, `,{},["b"]],"outputs":{},"status":{"status_str":"success","completed":true,"messages":[]},"meta":{}}}`},
			"/api/jobs/" + id1:       {`{"id":"` + id1 + `","status":"completed","create_time":-62135596800000,"priority":0,"outputs_count":0,"update_time":-62135596800000,"workflow":{"prompt":`, `,"extra_data":{}},"outputs":{},"execution_status":{"status_str":"success","completed":true,"messages":[]},"execution_meta":{}}`},
			"/api/history_v2/" + id1: {`{"` + id1 + `":{"meta":{},"outputs":{},"prompt":{"extra_data":{},"outputs_to_execute":["b"],"priority":0,"prompt":`, `,"prompt_id":"` + id1 + `"},"status":{"status_str":"success","completed":true,"messages":[]}}}`},
		} {
			h.ask("GET", path, "").is(200, frame[0]+c.want+frame[1])
		}
	}
}

// oneJob is a Queue that answers one job.
type oneJob struct {
	*queue.Service
	job settee.Job
}

func (q oneJob) Status(context.Context, string, string) (settee.Job, error) { return q.job, nil }
