package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/settee/settee/client"
)

func TestSubmitSendsTheWorkflowByteForByte(t *testing.T) {
	graph := `{ "9":{"inputs":{"seed":18446744073709551615,"x":NaN,"text":"a<b & c"},"class_type":"A"}, "1":{} }`
	var got, header string
	c := serve(t, map[string]http.HandlerFunc{"POST /api/prompt": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, header = string(body), r.Header.Get("X-API-Key")
		answer(200, `{"prompt_id":"p-1","number":7,"node_errors":{}}`)(w, r)
	}})
	number := 2.5
	receipt, err := c.Submit(t.Context(), client.Submission{
		Prompt: json.RawMessage(graph), ExtraData: json.RawMessage(`{"api_key_comfy_org": "k<"}`),
		PromptID: "p-1", ClientID: "c-1", Number: &number, Front: true, Targets: []string{"9"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"prompt":` + graph + `,"extra_data":{"api_key_comfy_org": "k<"},"prompt_id":"p-1","client_id":"c-1","number":2.5,"front":true,"partial_execution_targets":["9"]}`
	if got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	if header != key {
		t.Errorf("X-API-Key was %q", header)
	}
	if receipt.PromptID != "p-1" || receipt.Number != "7" {
		t.Errorf("receipt %+v", receipt)
	}
}

func TestSubmitAlone(t *testing.T) {
	var got string
	c := serve(t, map[string]http.HandlerFunc{"POST /api/prompt": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
		answer(200, `{"prompt_id":"p"}`)(w, r)
	}})
	if _, err := c.Submit(t.Context(), client.Submission{Prompt: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if got != `{"prompt":{}}` {
		t.Errorf("sent %s", got)
	}
}

func TestErrorsOfEveryEnvelope(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   client.Error
	}{
		"v1": {404, `{"code":"not_found","message":"no such job"}`,
			client.Error{Code: "not_found", Message: "no such job"}},
		"prompt": {400, `{"error":{"type":"prompt_outputs_failed_validation","message":"Prompt outputs failed validation","details":"Value not in list: x","extra_info":{}},"node_errors":{"4":{"errors":[]}}}`,
			client.Error{Code: "prompt_outputs_failed_validation", Type: "prompt_outputs_failed_validation", Message: "Prompt outputs failed validation", Details: "Value not in list: x", NodeErrors: json.RawMessage(`{"4":{"errors":[]}}`)}},
		"prompt and v1": {429, `{"error":{"type":"QUEUE_LIMIT","message":"full"},"node_errors":{},"code":"queue_full","message":"full"}`,
			client.Error{Code: "queue_full", Type: "QUEUE_LIMIT", Message: "full", NodeErrors: json.RawMessage(`{}`)}},
		"v2":        {409, `{"error":{"code":"conflict","message":"twice","details":{"a":1}}}`, client.Error{Code: "conflict", Message: "twice"}},
		"text":      {500, "500 Internal Server Error\n\nServer got itself in trouble", client.Error{Message: "500 Internal Server Error\n\nServer got itself in trouble"}},
		"one word":  {404, `{"error":"Job not found"}`, client.Error{Message: "Job not found"}},
		"no body":   {503, "", client.Error{Message: "Service Unavailable"}},
		"odd nodes": {400, `{"node_errors":[],"message":"m"}`, client.Error{Message: "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, map[string]http.HandlerFunc{"POST /api/prompt": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "3")
				answer(test.status, test.body)(w, r)
			}})
			_, err := c.Submit(t.Context(), client.Submission{Prompt: json.RawMessage(`{}`)})
			got, ok := errors.AsType[*client.Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			test.want.Status, test.want.RetryAfter = test.status, 3*time.Second
			if canonical(t, *got) != canonical(t, test.want) {
				t.Errorf("got  %s\nwant %s", canonical(t, *got), canonical(t, test.want))
			}
		})
	}
}

func TestNewRefusesWhatIsNoServer(t *testing.T) {
	for _, bad := range []string{"", "localhost:8188", "ftp://x", "http://", "http://a/?q=1", "http://me:secret@a"} {
		if _, err := client.New(bad, ""); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
