package workflow

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBodies(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	none := json.RawMessage("{}")
	for body, want := range map[string]Request{
		`{"prompt": {"b": 1,"a":2} }`: {Prompt: json.RawMessage(`{"b": 1,"a":2}`), ExtraData: none},
		`{"prompt":{},"prompt":null}`: {Prompt: json.RawMessage(`null`), ExtraData: none},
		`{"prompt":{},"prompt_id":null,"client_id":null,"number":null,"front":null,"workflow_id":null,"partial_execution_targets":null}`: {Prompt: none, ExtraData: none},
		`{"prompt":{},"prompt_id":55,"client_id":true,"number":"7.5","front":"no"}`:                                                      {Prompt: none, ExtraData: none, PromptID: "55", ClientID: "True", Number: number(7.5), Front: true},
		`{"prompt":{},"number":true,"front":0}`:                                                  {Prompt: none, ExtraData: none, Number: number(1)},
		`{"prompt":{},"number":-3,"front":[]}`:                                                   {Prompt: none, ExtraData: none, Number: number(-3)},
		`{"prompt":{"1":0,"12":0,"3":0},"partial_execution_targets":["1",1,null]}`:               {Prompt: json.RawMessage(`{"1":0,"12":0,"3":0}`), ExtraData: none, Targets: []string{"1"}},
		`{"prompt":{"1":0,"12":0,"3":0},"partial_execution_targets":"12"}`:                       {Prompt: json.RawMessage(`{"1":0,"12":0,"3":0}`), ExtraData: none, Targets: []string{"1", "12"}},
		`{"prompt":{},"partial_execution_targets":{"1":0}}`:                                      {Prompt: none, ExtraData: none, Targets: []string{"1"}},
		`{"prompt":{},"partial_execution_targets":[]}`:                                           {Prompt: none, ExtraData: none, Targets: []string{}},
		`{"prompt":{},"extra_data":{"client_id":"in","x":NaN,"extra_pnginfo":null}}`:             {Prompt: none, ClientID: "in", ExtraData: json.RawMessage(`{"client_id":"in","x":NaN,"extra_pnginfo":null}`)},
		`{"prompt":{},"client_id":"out","extra_data":{"client_id":"in"}}`:                        {Prompt: none, ClientID: "out", ExtraData: json.RawMessage(`{"client_id":"in"}`)},
		`{"prompt":{},"extra_data":{"extra_pnginfo":{"workflow":{"id":"w"}}}}`:                   {Prompt: none, WorkflowID: "w", ExtraData: json.RawMessage(`{"extra_pnginfo":{"workflow":{"id":"w"}}}`)},
		`{"workflow_id":"v","prompt":{},"extra_data":{"extra_pnginfo":{"workflow":{"id":"w"}}}}`: {Prompt: none, WorkflowID: "v", ExtraData: json.RawMessage(`{"extra_pnginfo":{"workflow":{"id":"w"}}}`)},
		`{"prompt":{},"extra_data":{"extra_pnginfo":{"workflow":[{"id":"w"}]}}}`:                 {Prompt: none, ExtraData: json.RawMessage(`{"extra_pnginfo":{"workflow":[{"id":"w"}]}}`)},
	} {
		got, err := ReadRequest([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", body, diff)
		}
	}
}

func TestRefusedBodies(t *testing.T) {
	for body, want := range map[string]string{
		`null`:                         `invalid_request: The request body must be an object with the workflow under "prompt".`,
		`"prompt"`:                     `no_prompt: No prompt provided`,
		`{"number":"x"}`:               `invalid_request: number must be a number. (could not convert string to float: 'x')`,
		`{"prompt":{},"number":[1]}`:   `invalid_request: number must be a number. (float() argument must be a string or a real number, not 'list')`,
		`{"prompt":{},"number":"inf"}`: `invalid_request: number must be a finite number. (inf)`,
		`{"prompt":{},"prompt_id":{}}`: `invalid_prompt_id: prompt_id must be a string.`,
		`{"prompt":{},"prompt_id":"` + strings.Repeat("x", 257) + `"}`: `invalid_prompt_id: prompt_id is too long.`,
		`{"prompt":{},"prompt_id":"\u0000"}`:                           `invalid_prompt_id: prompt_id holds characters that are not text.`,
		`{"prompt":{},"client_id":"\udc00"}`:                           `invalid_request: client_id holds characters that are not text.`,
		`{"prompt":{},"extra_data":{"client_id":[]}}`:                  `invalid_request: client_id must be a string.`,
		`{"prompt":{},"workflow_id":[]}`:                               `invalid_request: workflow_id must be a string.`,
		`{"prompt":{},"partial_execution_targets":1}`:                  `invalid_request: partial_execution_targets must be a list of node ids.`,
		`{"prompt":{},"extra_data":{"extra_pnginfo":"x"}}`:             `invalid_request: extra_data.extra_pnginfo must be an object.`,
		"\ufeff{}": `invalid_request: The request body cannot be read as JSON. (no value starts like this at byte 0)`,
		`{"prompt":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`: `invalid_request: The request body cannot be read as JSON. (nested too deep at byte 209)`,
	} {
		_, err := ReadRequest([]byte(body))
		r := refused(t, err)
		if got := r.Type + ": " + r.Error(); got != want {
			t.Errorf("%.60s: %s\nwant %s", body, got, want)
		}
		if raw, err := json.Marshal(r); err != nil || !strings.HasSuffix(string(raw), `,"extra_info":{}}`) {
			t.Errorf("%s, %v", raw, err)
		}
	}
}
