package workflow

import (
	"slices"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

func TestGraphsKeepOrderAndBytes(t *testing.T) {
	raw := `{"9":{"inputs":{"b":["10",0],"a":18446744073709551615},"class_type":"A","_meta":{"title":"Nine"}},"10":{"class_type":"B"},"x":7}`
	g, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, n := range g.Nodes {
		ids = append(ids, n.ID+"="+n.Class+"/"+g.Title(n.ID))
	}
	if !slices.Equal(ids, []string{"9=A/Nine", "10=B/B", "x=/x"}) || g.Title("gone") != "gone" {
		t.Errorf("nodes %v", ids)
	}
	n := g.Node("9")
	if len(n.Inputs) != 2 || n.Inputs[0].Name != "b" || n.Inputs[1].Name != "a" {
		t.Errorf("inputs %+v", n.Inputs)
	}
	if v := n.Input("a"); raw[v.Start:v.End] != "18446744073709551615" {
		t.Errorf("a lies at %s", raw[v.Start:v.End])
	}
	if g.Node("gone") != nil || n.Input("gone").Kind != pyjson.Absent {
		t.Error("something is there that is not")
	}
}

func TestLinksAreWhatComfyUIFollows(t *testing.T) {
	for text, want := range map[string]struct {
		id   string
		slot int
		ok   bool
	}{
		`["1", 2]`: {"1", 2, true}, `["1", -1]`: {"1", -1, true}, `["1", 1.9]`: {"1", 1, true}, `["1", true]`: {"1", 1, true},
		`["1"]`: {}, `["1",0,0]`: {}, `[1,0]`: {}, `["1","0"]`: {}, `["1",null]`: {}, `"1"`: {}, `{"a":1,"b":2}`: {},
	} {
		if id, slot, ok := Link(pyjson.Of(text)); id != want.id || slot != want.slot || ok != want.ok {
			t.Errorf("%s: %q, %d, %v", text, id, slot, ok)
		}
	}
}

func TestApply(t *testing.T) {
	raw := []byte(`{"a":1,"b":2,"c":3}`)
	edits := []settee.Edit{{Start: 5, End: 6, Text: "10"}, {Start: 11, End: 12, Text: `"x"`, Hidden: true}, {Start: 17, End: 18}, {Start: 18, End: 18, Text: `"d"`, Hidden: true}}
	if got := string(Apply(raw, edits, false)); got != `{"a":10,"b":2,"c":}` {
		t.Errorf("clients read %s", got)
	}
	if got := string(Apply(raw, edits, true)); got != `{"a":10,"b":"x","c":"d"}` {
		t.Errorf("an engine gets %s", got)
	}
	if got := string(Apply(raw, []settee.Edit{{Start: 5, End: 6, Text: "7"}, {Start: 5, End: 7, Text: "overlaps"}, {Start: 15, End: 99}}, false)); got != `{"a":7,"b":2,"c":3}` {
		t.Errorf("edits that do not fit: %s", got)
	}
	if got := Apply(raw, edits[1:2], false); &got[0] != &raw[0] {
		t.Error("copied without need")
	}
}

func TestCatalogs(t *testing.T) {
	c, err := ParseCatalog(recording.ObjectInfo())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		v3, output bool
		slots      int
		inputs     []string
	}{
		"SaveImage":            {output: true, inputs: []string{"images", "filename_prefix"}},
		"LoadImage":            {slots: 2, inputs: []string{"image"}},
		"LoadVideo":            {v3: true, slots: 1, inputs: []string{"file"}},
		"ImageCompositeMasked": {slots: 1, inputs: []string{"destination", "source", "x", "y", "resize_source", "mask"}},
	} {
		class, ok := c.Class(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		var inputs []string
		for _, d := range class.Inputs {
			inputs = append(inputs, d.Name)
		}
		if class.V3 != want.v3 || class.Output != want.output || len(class.Slots) != want.slots || !slices.Equal(inputs, want.inputs) {
			t.Errorf("%s: V3 %v, output %v, %d slots, inputs %v", name, class.V3, class.Output, len(class.Slots), inputs)
		}
	}
	if _, ok := c.Class("Nothing"); ok {
		t.Error("a class that is not there")
	}
	for _, bad := range []string{``, `[]`, `{"A":1}`, `{"A":{"input":{"required":{"x":[]}}}}`, `{"A":{"input":{"required":{"x":[5]}}}}`} {
		if _, err := ParseCatalog([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
