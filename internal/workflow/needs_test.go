package workflow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee/internal/workflow"
)

const (
	loader   = `"Loader":{"input":{"required":{"ckpt_name":[["a.safetensors","dir/b.safetensors"]],"title":["STRING",{}]}},"output":["MODEL"]}`
	upscaler = `"Upscaler":{"input":{"required":{"model_name":["COMBO",{"options":["x2.pth"]}],"image":[["old.png"],{"image_upload":true}]},"optional":{"model":["MODEL"]}},"output":[],"output_node":true}`
)

func parsed(t *testing.T, graph string, definitions ...string) (*workflow.Graph, []*workflow.Catalog) {
	t.Helper()
	g, err := workflow.Parse([]byte(graph))
	if err != nil {
		t.Fatal(err)
	}
	var all []*workflow.Catalog
	for _, d := range definitions {
		c, err := workflow.ParseCatalog([]byte(d))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return g, all
}

// Needs are the classes of all nodes and the choices of those that are run;
// neither files nor free text is a choice.
func TestNeeds(t *testing.T) {
	g, c := parsed(t, `{
		"1": {"class_type": "Loader", "inputs": {"ckpt_name": "dir/b.safetensors", "title": "a.safetensors"}},
		"2": {"class_type": "Upscaler", "inputs": {"model_name": {"__value__": "x2.pth"}, "image": "old.png", "model": ["1", 0]}},
		"3": {"class_type": "Loader", "inputs": {"ckpt_name": "a.safetensors"}},
		"4": {"class_type": "Upscaler", "inputs": {"model": ["3", 0]}}}`, "{"+loader+","+upscaler+"}")
	want := workflow.Needs{Classes: []string{"Loader", "Upscaler"}, Choices: []workflow.Choice{
		{Class: "Loader", Input: "ckpt_name", Value: "dir/b.safetensors"}, {Class: "Upscaler", Input: "model_name", Value: "x2.pth"}}}
	if d := cmp.Diff(want, g.Needs([]string{"2"}, c...)); d != "" {
		t.Errorf("needs (-want +got):\n%s", d)
	}
}

func TestMeets(t *testing.T) {
	g, c := parsed(t, `{"1": {"class_type": "Loader", "inputs": {"ckpt_name": "a.safetensors"}}, "2": {"class_type": "Upscaler", "inputs": {"model_name": "x2.pth", "model": ["1", 0]}}}`,
		"{"+loader+","+upscaler+"}",
		`{"Loader":{"input":{"required":{"ckpt_name":[["dir/b.safetensors"]]}}},`+upscaler+"}",
		"{"+upscaler+"}",
		`{"Loader":{"input":{"required":{"ckpt_name":["STRING",{}]}}},"More":{},`+upscaler+"}",
		`{`+loader+`,"Upscaler":{"input":{"required":{"model_name":["COMBO",{"options":["x4.pth"]}]}}}}`)
	needs := g.Needs([]string{"2"}, c[0])
	for i, want := range []bool{true, false, false, true, false} {
		if got := c[i].Meets(needs); got != want {
			t.Errorf("catalog %d meets the needs: %v", i, got)
		}
	}
	// What only the last one offers counts as well: nothing has all of it.
	g, _ = parsed(t, `{"2": {"class_type": "Upscaler", "inputs": {"model_name": "x4.pth"}}}`)
	if needs := g.Needs([]string{"2"}, c[0], c[4]); c[0].Meets(needs) || !c[4].Meets(needs) {
		t.Errorf("needs %+v", needs)
	}
}
