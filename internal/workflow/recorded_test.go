package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// shelf is the files of an account, by reference.
type shelf map[string]settee.Blob

func (s shelf) Resolve(_ context.Context, reference string, folder settee.FileType) (settee.Blob, bool, error) {
	if !strings.HasSuffix(reference, "]") {
		reference += " [" + string(folder) + "]"
	}
	b, ok := s[reference]
	return b, ok, nil
}

// catalog is the recorded server's, with the classes that stand for custom
// nodes.
func catalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := ParseCatalog(recording.ObjectInfo())
	if err != nil {
		t.Fatal(err)
	}
	more, err := ParseCatalog(recording.RecordingNodes())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range more.Names() {
		class, _ := more.Class(name)
		c.names = append(c.names, name)
		c.classes[name] = class
	}
	return c
}

// submit does with a body what a surface does.
func submit(t testing.TB, body []byte, c *Catalog, files Files) (*Request, *Graph, *Verdict) {
	t.Helper()
	r, err := ReadRequest(body)
	if err != nil {
		return nil, nil, &Verdict{Refusal: refused(t, err)}
	}
	g, err := Parse(r.Prompt)
	if err != nil {
		return r, nil, &Verdict{Refusal: refused(t, err)}
	}
	v, err := Validate(t.Context(), g, c, r.Targets, files)
	if err != nil {
		t.Fatal(err)
	}
	return r, g, v
}

func refused(t testing.TB, err error) *Refusal {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%T is no refusal: %v", err, err)
	}
	return r
}

// answer is what a client compares: the error and the node_errors, without the
// order that changes from one Python process to the next, and without tooltips.
func answer(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	v, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	var a map[string]any
	d := json.NewDecoder(bytes.NewReader(pyjson.Strict(v)))
	d.UseNumber()
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if e, ok := a["error"].(map[string]any); ok {
		e["details"] = sorted(strings.Split(e["details"].(string), "\n"))
		out["error"] = e
	}
	nodes, _ := a["node_errors"].(map[string]any)
	for _, n := range nodes {
		n := n.(map[string]any)
		slices.SortFunc(n["errors"].([]any), func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return bytes.Compare(x, y)
		})
		for _, e := range n["errors"].([]any) {
			info := e.(map[string]any)["extra_info"].(map[string]any)
			if config, ok := info["input_config"].([]any); ok && len(config) > 1 {
				delete(config[1].(map[string]any), "tooltip")
			}
		}
	}
	out["node_errors"] = nodes
	return out
}

func sorted(s []string) []string { slices.Sort(s); return s }

// said is our answer on the wire.
func said(t testing.TB, v *Verdict) []byte {
	t.Helper()
	a := struct {
		Error  *Refusal   `json:"error,omitempty"`
		Errors NodeErrors `json:"node_errors"`
	}{v.Refusal, v.NodeErrors}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// ours is what we say where ComfyUI answers a bare 500, or accepts what it does
// not survive or cannot run.
var ours = map[string][3]string{
	"body-bad-utf8":                     {InvalidRequest, "The request body cannot be read as JSON.", "not UTF-8 at byte 13"},
	"body-empty":                        {InvalidRequest, "The request body cannot be read as JSON.", "the text ends where a value should be at byte 0"},
	"body-form":                         {InvalidRequest, "The request body cannot be read as JSON.", "no value starts like this at byte 0"},
	"body-not-json":                     {InvalidRequest, "The request body cannot be read as JSON.", "a key in double quotes should be here at byte 1"},
	"body-number":                       {InvalidRequest, `The request body must be an object with the workflow under "prompt".`, ""},
	"body-trailing-comma":               {InvalidRequest, "The request body cannot be read as JSON.", "a key in double quotes should be here at byte 14"},
	"extra-data-null-with-client-id":    {InvalidRequest, "extra_data must be an object.", ""},
	"extra-data-string-with-client-id":  {InvalidRequest, "extra_data must be an object.", ""},
	"node-null":                         {InvalidPrompt, "Cannot execute because a node is not an object.", "Node ID '#5'"},
	"node-string":                       {InvalidPrompt, "Cannot execute because a node is not an object.", "Node ID '#5'"},
	"number-text":                       {InvalidRequest, "number must be a number.", "could not convert string to float: 'abc'"},
	"poison-client-id-list":             {InvalidRequest, "client_id must be a string.", ""},
	"poison-client-id-object":           {InvalidRequest, "client_id must be a string.", ""},
	"poison-extra-data-list":            {InvalidRequest, "extra_data must be an object.", ""},
	"poison-extra-data-null":            {InvalidRequest, "extra_data must be an object.", ""},
	"poison-extra-data-string":          {InvalidRequest, "extra_data must be an object.", ""},
	"poison-extra-pnginfo-list":         {InvalidRequest, "extra_data.extra_pnginfo must be an object.", ""},
	"poison-number-nan":                 {InvalidRequest, "number must be a finite number.", "nan"},
	"poison-unreachable-inputs-null":    {InvalidPrompt, "Cannot execute because the inputs of a node are not an object.", "Node ID '#50'"},
	"poison-unreachable-without-inputs": {InvalidPrompt, "Cannot execute because the inputs of a node are not an object.", "Node ID '#50'"},
	"prompt-null":                       {InvalidPrompt, "The prompt must be a workflow in API format: an object whose keys are node ids.", ""},
	"prompt-string":                     {InvalidPrompt, "The prompt must be a workflow in API format: an object whose keys are node ids.", ""},
}

func TestRefusalsAreThoseOfComfyUI(t *testing.T) {
	c := catalog(t)
	compared, left := 0, len(ours)
	for _, x := range recording.Errors(t) {
		if x.Request.Method != "POST" || x.Request.Path != "/prompt" {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			_, _, v := submit(t, x.Request.Body(), c, shelf{})
			compared++
			if want, ok := ours[x.Name]; ok {
				left--
				if v.Refusal == nil {
					t.Fatal("accepted")
				}
				if got := [3]string{v.Refusal.Type, v.Refusal.Message, v.Refusal.Details}; got != want {
					t.Errorf("got %q\nwant %q", got, want)
				}
				return
			}
			if (x.Status == 200) != (v.Refusal == nil) || x.Status == 500 {
				t.Fatalf("status %d, refusal %v", x.Status, v.Refusal)
			}
			if diff := cmp.Diff(answer(t, x.Body), answer(t, said(t, v))); diff != "" {
				t.Errorf("(-ComfyUI +ours)\n%s", diff)
			}
		})
	}
	if compared != 100 || left != 0 {
		t.Errorf("%d submits compared, %d of ours not met", compared, left)
	}
}

// everything has every file but those that are named absent.
type everything struct{}

func (everything) Resolve(_ context.Context, reference string, _ settee.FileType) (settee.Blob, bool, error) {
	return settee.Blob{Hash: reference, Size: 1}, !strings.Contains(reference, "absent"), nil
}

// unknowable are refused by a custom node's own Python, or name a folder that
// was made after the definitions were recorded.
var unknowable = map[string]bool{"node-picky-false": true, "node-picky-text": true, "node-picky-raise": true, "image-set": true}

func TestExecutedWorkflowsAreAccepted(t *testing.T) {
	catalog := catalog(t)
	for _, c := range recording.Cases(t) {
		if unknowable[c.Name] {
			continue
		}
		for _, p := range c.Prompts {
			r, g, v := submit(t, p.Request, catalog, everything{})
			if p.Status != 200 || v.Refusal != nil {
				t.Errorf("%s: status %d, refusal %v, %v", c.Name, p.Status, v.Refusal, v.NodeErrors.Lines(g))
				continue
			}
			if diff := cmp.Diff(answer(t, p.Response), answer(t, said(t, v))); diff != "" {
				t.Errorf("%s (-ComfyUI +ours)\n%s", c.Name, diff)
			}
			history, err := pyjson.Parse(p.History)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range history.Members() {
				item := m.Value.Get("prompt")
				shown := Apply(r.Prompt, v.Edits, false)
				read, err := pyjson.Parse(shown)
				if err != nil {
					t.Fatalf("%s: %s: %v", c.Name, shown, err)
				}
				if want, got := pyjson.Dump(item.Index(2)), pyjson.Dump(read); !bytes.Equal(want, got) {
					t.Errorf("%s: history shows\n%s\nours is\n%s", c.Name, want, got)
				}
				var outputs []string
				for o := range item.Index(4).Items() {
					outputs = append(outputs, o.Text())
				}
				if got := sorted(slices.Clone(v.Outputs)); !slices.Equal(got, sorted(outputs)) {
					t.Errorf("%s: outputs %v, want %v", c.Name, got, outputs)
				}
			}
		}
	}
}
