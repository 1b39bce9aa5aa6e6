package v1_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
)

func TestSubmit(t *testing.T) {
	h := newHouse(t, false)
	h.ask("GET", "/api/prompt", "").is(200, `{"exec_info":{"queue_remaining":0}}`)
	h.ask("POST", "/api/prompt", `{"prompt": `+valid+`, "prompt_id": "`+id1+`"}`).
		is(200, `{"prompt_id":"`+id1+`","number":1,"node_errors":{}}`)
	h.ask("POST", "/prompt", `{"prompt": `+valid+`, "prompt_id": "`+id2+`", "number": 7}`, "Authorization", "Bearer key-a", "Content-Type", "text/plain;charset=UTF-8").
		is(200, `{"prompt_id":"`+id2+`","number":7.0,"node_errors":{}}`)
	h.ask("GET", "/prompt", "").is(200, `{"exec_info":{"queue_remaining":2}}`)
	h.ask("GET", "/api/prompt", "", "X-API-Key", "key-b").is(200, `{"exec_info":{"queue_remaining":0}}`)

	var own struct {
		PromptID string `json:"prompt_id"`
	}
	h.ask("POST", "/api/prompt", `{"prompt": `+valid+`}`).into(&own)
	var status struct{ ID, Status string }
	h.ask("GET", "/api/job/"+own.PromptID+"/status", "").into(&status)
	if status.ID != own.PromptID || status.Status != "pending" {
		t.Errorf("the job of %s reads %+v", own.PromptID, status)
	}
}

func TestSubmitPartlyValid(t *testing.T) {
	h := newHouse(t, false)
	graph := strings.TrimSuffix(valid, "}") + `, "bad": {"class_type":"SaveImage","inputs":{"filename_prefix":"dog"}}}`
	h.ask("POST", "/api/prompt", `{"prompt": `+graph+`, "prompt_id": "`+id1+`"}`).is(200, `{"prompt_id":"`+id1+`","number":1,`+
		`"node_errors":{"bad":{"errors":[{"type":"required_input_missing","message":"Required input is missing","details":"images","extra_info":{"input_name":"images"}}],`+
		`"dependent_outputs":["bad"],"class_type":"SaveImage"}}}`)
}

// Every error of this path is in ComfyUI's words and has code and message
// beside them, whichever layer it comes from.
func TestSubmitRefused(t *testing.T) {
	plain := func(kind, code, message string) string {
		return `{"error":{"type":"` + kind + `","message":"` + message + `","details":"","extra_info":{}},"node_errors":{},"code":"` + code + `","message":"` + message + `"}`
	}
	h := newHouse(t, false)
	h.submit(id1, "")
	cases := []struct {
		name, body string
		header     []string
		status     int
		want       string
	}{
		{"no key", `{}`, []string{"X-API-Key", ""}, 401, plain("unauthorized", "unauthorized", "An API key is needed, in the header X-API-Key.")},
		{"wrong key", `{}`, []string{"X-API-Key", "wrong"}, 401, plain("unauthorized", "unauthorized", "This key is not known.")},
		{"tier without API", `{}`, []string{"X-API-Key", "key-free"}, 403, plain("forbidden", "forbidden", "The tier free does not include API access.")},
		{"operator's key", `{}`, []string{"X-API-Key", "key-admin"}, 403, plain("forbidden", "forbidden", "An operator's key opens /admin only; use a key of an account.")},
		{"id that is no UUID", `{"prompt": ` + valid + `, "prompt_id": "mine"}`, nil, 400, plain("invalid_prompt_id", "invalid_prompt_id", "prompt_id must be a valid UUID")},
		{"id in capitals", `{"prompt": ` + valid + `, "prompt_id": "ABCDEF00-0000-4000-8000-000000000001"}`, nil, 400, plain("invalid_prompt_id", "invalid_prompt_id", "prompt_id must be a valid UUID")},
		{"no prompt", `{}`, nil, 400, `{"error":{"type":"no_prompt","message":"No prompt provided","details":"No prompt provided","extra_info":{}},"node_errors":{},"code":"no_prompt","message":"No prompt provided"}`},
		{"no outputs", `{"prompt": {"1": {"class_type":"EmptyImage","inputs":{}}}}`, nil, 400, plain("prompt_no_outputs", "prompt_no_outputs", "Prompt has no outputs")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/api/prompt", "/prompt"} {
				h.ask("POST", path, c.body, c.header...).is(c.status, c.want)
			}
		})
	}
	t.Run("node errors", func(t *testing.T) {
		h.ask("POST", "/api/prompt", `{"prompt": `+picture+`}`).is(400, `{"error":{"type":"prompt_outputs_failed_validation","message":"Prompt outputs failed validation","details":"","extra_info":{}},`+
			`"node_errors":{"1":{"errors":[{"type":"value_bigger_than_max","message":"Value 9007199254740993 bigger than max of 16777215","details":"color",`+
			`"extra_info":{"input_name":"color","input_config":["INT",{"default":0,"min":0,"max":16777215,"step":1,"display":"color"}],"received_value":9007199254740993}}],`+
			`"dependent_outputs":["9"],"class_type":"EmptyImage"}},"code":"prompt_outputs_failed_validation","message":"Prompt outputs failed validation"}`)
	})
	t.Run("id in use", func(t *testing.T) {
		a := h.ask("POST", "/api/prompt", `{"prompt": `+valid+`, "prompt_id": "`+id1+`"}`)
		if a.status != 409 || !strings.HasPrefix(a.body, `{"error":{"type":"conflict",`) || !strings.Contains(a.body, `"node_errors":{},"code":"conflict",`) {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
	t.Run("body too large", func(t *testing.T) {
		a := h.ask("POST", "/api/prompt", strings.Repeat(" ", 32<<20+1))
		a.is(413, plain("too_large", "too_large", "The body is larger than the 33554432 bytes allowed here."))
	})
	t.Run("wrong origin on an open server", func(t *testing.T) {
		a := newHouse(t, true).ask("POST", "/prompt", `{}`, "Origin", "http://elsewhere.example")
		a.is(403, plain("forbidden", "forbidden", "Pages of other origins may not use this server."))
	})
}

// admit is an Admission of one's own.
type admit func(admission.Request) (admission.Receipt, error)

func (f admit) Admit(_ context.Context, _ settee.Account, r admission.Request) (admission.Receipt, error) {
	return f(r)
}

func TestSubmitFaults(t *testing.T) {
	h := newHouse(t, false)
	cases := []struct {
		err    error
		status int
		kind   string
		wait   string
	}{
		{&settee.Fault{Code: settee.CodeQueueFull, Message: "Full.", RetryAfter: 7 * time.Second}, 429, "QUEUE_LIMIT", "7"},
		{settee.Faultf(settee.CodeCredits, "None left."), 402, "PAYMENT_REQUIRED", ""},
		{settee.Faultf(settee.CodeSubscription, "Lapsed."), 429, "CLOUD_SUBSCRIPTION_REQUIRED", ""},
		{settee.Faultf(settee.CodeUnavailable, "Starting."), 503, "unavailable", "2"},
		{errors.New("disk on fire"), 500, "internal_error", ""},
	}
	for _, c := range cases {
		h.api.Admission = admit(func(admission.Request) (admission.Receipt, error) { return admission.Receipt{}, c.err })
		a := h.ask("POST", "/api/prompt", `{"prompt": {}}`)
		var body struct {
			Error struct{ Type, Message string }
			Code  settee.Code
		}
		if err := json.Unmarshal([]byte(a.body), &body); err != nil {
			t.Fatal(err)
		}
		if a.status != c.status || body.Error.Type != c.kind || body.Code != settee.CodeOf(c.err) || a.header.Get("Retry-After") != c.wait {
			t.Errorf("%v: got %d, Retry-After %q, %s", c.err, a.status, a.header.Get("Retry-After"), a.body)
		}
		if strings.Contains(a.body, "fire") {
			t.Errorf("the client reads what failed: %s", a.body)
		}
	}
	h.api.Admission = admit(func(admission.Request) (admission.Receipt, error) { panic("boom") })
	h.ask("POST", "/api/prompt", `{"prompt": {}}`).is(500, `{"error":{"type":"internal_error","message":"Something failed in the server (request req).","details":"","extra_info":{}},`+
		`"node_errors":{},"code":"internal_error","message":"Something failed in the server (request req)."}`)
}

func TestSubmitPassesOnWhatTheClientSent(t *testing.T) {
	h := newHouse(t, true)
	var got admission.Request
	h.api.Admission = admit(func(r admission.Request) (admission.Receipt, error) {
		got = r
		return admission.Receipt{Job: settee.Job{PromptID: r.PromptID, Number: settee.Number{Value: -3}}}, nil
	})
	const graph = `{ "b":{"seed": 18446744073709551615} , "a":{"x":NaN} }`
	h.ask("POST", "/prompt", `{"front": true, "client_id": "tab", "extra_data": {"extra_pnginfo": {"workflow": {"id": "wf"}}},
		"partial_execution_targets": ["a"], "prompt_id": "any text", "prompt": `+graph+`}`).
		is(200, `{"prompt_id":"any text","number":-3,"node_errors":{}}`)
	if string(got.Prompt) != graph {
		t.Errorf("the graph became %s", got.Prompt)
	}
	if !got.Front || !got.Open || got.ClientID != "tab" || got.WorkflowID != "wf" || got.Number != nil || len(got.Targets) != 1 ||
		string(got.ExtraData) != `{"extra_pnginfo": {"workflow": {"id": "wf"}}}` {
		t.Errorf("got %+v", got)
	}
}

func TestSubmitIsJSONOnlyUnderItsOwnPaths(t *testing.T) {
	h := newHouse(t, false)
	a := h.ask("PUT", "/prompt", `{}`)
	a.is(http.StatusMethodNotAllowed, `{"code":"method_not_allowed","message":"This path answers GET, HEAD, POST."}`)
	if a.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
}
