package replay_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee/internal/recording"
)

// mixed has one output that is valid and four that are not, literals of other
// types, a NaN, and integers beyond 64 bits.
const mixed = `{"client_id": "mixed", "prompt": {
	"1": {"class_type": "EmptyImage", "inputs": {"width": "16", "height": 16.9, "batch_size": true, "color": 255, "more": NaN, "huge": 123456789012345678901234567890}},
	"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": 7}},
	"3": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "bad"}},
	"4": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": "best", "width": 18446744073709551616, "height": NaN, "crop": "disabled"}},
	"5": {"class_type": "PreviewImage", "inputs": {"images": ["99", 0]}},
	"6": {"class_type": "PreviewImage", "inputs": {}},
	"7": {"class_type": "ImageScale", "inputs": {"width": -Infinity}}
}}`

// mixedErrors are each node's errors. The order of outputs is free, so which of
// them are named as dependent is not compared.
var mixedErrors = map[string]string{
	"4": `{type: 'invalid_input_type', message: 'Failed to convert an input value to a INT value', details: 'height, nan, cannot convert float NaN to integer'}` +
		`{type: 'value_bigger_than_max', message: 'Value 18446744073709551616 bigger than max of 16384', details: 'width'}` +
		`{type: 'value_not_in_list', message: 'Value not in list', details: "upscale_method: 'best' not in ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']"}`,
	"5": `{type: 'exception_during_validation', message: 'Exception when validating node', details: "'99'"}`,
	"6": `{type: 'required_input_missing', message: 'Required input is missing', details: 'images'}`,
}

const mixedGraph = `{"1":{"class_type":"EmptyImage","inputs":{"width":16,"height":16,"batch_size":1,"color":255,"more":null,"huge":123456789012345678901234567890}},` +
	`"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"7"}},` +
	`"3":{"class_type":"SaveImage","inputs":{"images":["4",0],"filename_prefix":"bad"}},` +
	`"4":{"class_type":"ImageScale","inputs":{"image":["1",0],"upscale_method":"best","width":18446744073709551616,"height":null,"crop":"disabled"}},` +
	`"5":{"class_type":"PreviewImage","inputs":{"images":["99",0]}},` +
	`"6":{"class_type":"PreviewImage","inputs":{}},` +
	`"7":{"class_type":"ImageScale","inputs":{"width":null}}}`

// brief is a list of errors without their extra_info, sorted.
func brief(t *testing.T, raw []byte) string {
	var all []string
	for e := range parse(t, raw).Items() {
		all = append(all, "{type: "+write(e.Get("type"))+", message: "+write(e.Get("message"))+", details: "+write(e.Get("details"))+"}")
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// Outputs that are wrong are told and left out, the others run.
func TestMixedOutputs(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		t.Run(mode(open), func(t *testing.T) {
			s := serve(t, open, nil)
			l := s.listen(recording.Client{Socket: "mixed", ClientID: "mixed"})
			a := s.ask(http.MethodPost, s.path("/prompt"), []byte(mixed))
			var verdict struct {
				PromptID   string `json:"prompt_id"`
				NodeErrors map[string]struct {
					Errors []struct{ Type, Message, Details string }
					Class  string `json:"class_type"`
				} `json:"node_errors"`
			}
			if err := json.Unmarshal(a.body, &verdict); a.status != http.StatusOK || err != nil {
				t.Fatalf("%d %s", a.status, a.body)
			}
			for node, want := range mixedErrors {
				found := parse(t, a.body).Get("node_errors").Get(node).Get("errors")
				if got := brief(t, found.Raw()); got != want {
					t.Errorf("node %s\n want %s\n have %s", node, want, got)
				}
			}
			if len(verdict.NodeErrors) != len(mixedErrors) {
				t.Errorf("errors of %d nodes: %s", len(verdict.NodeErrors), a.body)
			}
			l.executing(verdict.PromptID, "")
			entry := parse(t, s.ask(http.MethodGet, s.path("/history/"+verdict.PromptID), nil).body).Get(verdict.PromptID)
			if got := string(entry.Get("prompt").Index(2).Raw()); got != mixedGraph {
				t.Errorf("the graph is shown as\n%s\nwant\n%s", got, mixedGraph)
			}
			if got := string(entry.Get("prompt").Index(4).Raw()); got != `["2"]` {
				t.Errorf("outputs %s", got)
			}
			if got := string(entry.Get("outputs").Raw()); got != `{"2":{"images":[{"filename":"7_00001_.png","subfolder":"","type":"output"}]}}` {
				t.Errorf("made %s", got)
			}
			if got := string(entry.Get("status").Get("status_str").Raw()); got != `"success"` {
				t.Errorf("ended as %s", got)
			}
		})
	}
}

// A file of one prefix takes a number of another, as ComfyUI reads names.
func TestNumbersOfOtherPrefixes(t *testing.T) {
	t.Parallel()
	s := serve(t, true, nil)
	for _, c := range []struct{ prefix, name string }{{"x_7", "x_7_00001_.png"}, {"x", "x_00008_.png"}, {"x_7", "x_7_00002_.png"}, {"x", "x_00009_.png"}} {
		a := s.ask(http.MethodPost, "/prompt", []byte(`{"prompt":{"1":{"class_type":"EmptyImage","inputs":{"width":1,"height":1,"batch_size":1,"color":0}},`+
			`"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"`+c.prefix+`"}}}}`))
		s.idle()
		s.ask(http.MethodPost, "/free", []byte(`{"free_memory":true}`))
		id := parse(t, a.body).Get("prompt_id").Text()
		outputs := parse(t, s.ask(http.MethodGet, "/history/"+id, nil).body).Get(id).Get("outputs")
		if got := outputs.Get("2").Get("images").Index(0).Get("filename").Text(); got != c.name {
			t.Errorf("prefix %s: %q, want %q", c.prefix, got, c.name)
		}
	}
}
