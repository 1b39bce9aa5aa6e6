package admission_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
)

// loader defines a class that loads one of some checkpoints.
func loader(names ...string) string {
	list, err := json.Marshal(names)
	if err != nil {
		panic(err)
	}
	return `"Loader":{"input":{"required":{"ckpt_name":[` + string(list) + `]}},"output":["IMAGE"]}`
}

// upscaler is loader for a list that ComfyUI does not look at.
func upscaler(name string) string {
	return `"Upscaler":{"input":{"required":{"image":["IMAGE"],"model_name":["COMBO",{"options":["` + name + `"]}]}},"output":["IMAGE"]}`
}

func loads(names ...string) string {
	graph := map[string]any{}
	for _, name := range names {
		graph["load "+name] = map[string]any{"class_type": "Loader", "inputs": map[string]any{"ckpt_name": name}}
		graph["save "+name] = map[string]any{"class_type": "SaveImage", "inputs": map[string]any{"images": []any{"load " + name, 0}, "filename_prefix": "x"}}
	}
	text, err := json.Marshal(graph)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// served says which of the variants serve the job's lane: "a+c", and what was
// wrong instead when it was refused.
func served(t *testing.T, all pools, named map[string]string, graph string) string {
	t.Helper()
	q := &taken{}
	_, err := admission.New(all, files{}, q, seal).Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(graph)})
	if refused, ok := errors.AsType[*admission.Refused](err); ok {
		lines := []string{refused.Refusal.Message}
		for _, n := range refused.NodeErrors {
			for _, e := range n.Errors {
				lines = append(lines, e.Details)
			}
		}
		return strings.Join(lines, "; ")
	}
	if err != nil {
		t.Fatal(err)
	}
	var names, of []string
	for _, v := range q.Fit.Variants {
		names = append(names, named[v.Pool+" "+v.Nodes])
		of = append(of, v.Pool)
	}
	if want := queue.LaneOf(unique(of), q.Fit.Variants); q.Lane != want {
		t.Errorf("lane %s, want %s", q.Lane, want)
	}
	return strings.Join(names, "+")
}

func unique(names []string) (all []string) {
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			all = append(all, n)
		}
		seen[n] = true
	}
	return all
}

// A job goes to the variants that can run the whole of it, of whatever pool.
func TestVariantsThatCanRunIt(t *testing.T) {
	a := variant(t, saveImage, loader("a", "both"), upscaler("x2"))
	b := variant(t, saveImage, loader("b", "both"), upscaler("x4"))
	c := variant(t, saveImage, loader("c", "a"), sampler)
	all := pools{{Name: "gpu", Variants: []pool.Variant{a, b}}, {Name: "other", Variants: []pool.Variant{c}}}
	named := map[string]string{"gpu " + a.Hash: "a", "gpu " + b.Hash: "b", "other " + c.Hash: "c"}
	upscaled := func(model string) string {
		return `{"1":{"class_type":"Loader","inputs":{"ckpt_name":"both"}},"2":{"class_type":"Upscaler","inputs":{"image":["1",0],"model_name":"` + model + `"}},` +
			`"9":{"class_type":"SaveImage","inputs":{"images":["2",0],"filename_prefix":"x"}}}`
	}
	for _, x := range []struct{ name, graph, want string }{
		{"one model", loads("a"), "a+c"},
		{"another", loads("b"), "b"},
		{"one that both have", loads("both"), "a+b"},
		{"two models of one worker", loads("a", "both"), "a"},
		{"two outputs: the variant that runs both", loads("b", "both"), "b"},
		{"a list that nobody checks", upscaled("x4"), "b"},
		{"a list that nobody checks and nobody offers", upscaled("x8"), "a+b"},
		{"a model that nobody has", loads("none"), "Prompt outputs failed validation; ckpt_name: 'none' not in ['a', 'both']"},
		{"the class is elsewhere", `{"1":{"class_type":"Loader","inputs":{"ckpt_name":"b"}},"2":{"class_type":"KSampler","inputs":{"seed":1}},` +
			`"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}`, "Prompt outputs failed validation; ckpt_name: 'b' not in ['c', 'a']"},
		{"a class that nobody knows", `{"1":{"class_type":"KSampler","inputs":{"seed":1}},"2":{"class_type":"Missing","inputs":{}}}`,
			"Cannot execute because node Missing does not exist."},
	} {
		if got := served(t, all, named, x.graph); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
}

// The one that is least wrong speaks, though another comes first.
func TestTheNearestVariantSpeaks(t *testing.T) {
	far := variant(t, saveImage, `"Loader":{"input":{"required":{"ckpt_name":[["a"]],"more":["INT"]}},"output":["IMAGE"]}`)
	near := variant(t, saveImage, loader("b"))
	all := pools{{Name: "gpu", Variants: []pool.Variant{far, near}}}
	if got := served(t, all, nil, loads("c")); got != "Prompt outputs failed validation; ckpt_name: 'c' not in ['b']" {
		t.Error(got)
	}
}

// A variant that refuses a job for what needs do not tell is named in them.
func TestRefusedForAnotherReason(t *testing.T) {
	wide := variant(t, saveImage, `"EmptyImage":{"input":{"required":{"width":["INT",{"max":9000}]}},"output":["IMAGE"]}`)
	narrow := variant(t, saveImage, `"EmptyImage":{"input":{"required":{"width":["INT",{"max":1000}]}},"output":["IMAGE"]}`)
	q := &taken{}
	s := admission.New(pools{{Name: "gpu", Variants: []pool.Variant{narrow, wide}}}, files{}, q, seal)
	large := strings.Replace(graph, `"64"`, "4096", 1)
	if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(large)}); err != nil {
		t.Fatal(err)
	}
	if len(q.Fit.Variants) != 1 || q.Fit.Variants[0].Nodes != wide.Hash {
		t.Errorf("variants %v", q.Fit.Variants)
	}
	if want := `{"classes":["EmptyImage","SaveImage"],"refused":["` + narrow.Hash + `"]}`; string(q.Fit.Needs) != want {
		t.Errorf("needs %s, want %s", q.Fit.Needs, want)
	}
}
