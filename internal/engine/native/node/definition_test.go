package node

import (
	"testing"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// A class's definition has the recorded keys in the recorded order; only words
// for people and lists of files differ.
func TestDefinitionsAreTheRecordedOnes(t *testing.T) {
	want, err := pyjson.Parse(recording.ObjectInfo())
	if err != nil {
		t.Fatal(err)
	}
	classes := All()
	got, err := pyjson.Parse(Definitions(classes))
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() != len(classes) || len(classes) == 0 {
		t.Fatalf("%d definitions of %d classes", got.Len(), len(classes))
	}
	for _, c := range classes {
		recorded := want.Get(c.Name)
		if recorded.Kind == pyjson.Absent {
			t.Errorf("%s is no class of ComfyUI", c.Name)
			continue
		}
		if a, b := plain(recorded), plain(got.Get(c.Name)); a != b {
			t.Errorf("%s\n want %s\n have %s", c.Name, a, b)
		}
	}
}

// plain is a value without what may differ: descriptions, tooltips and the
// names of files.
func plain(v pyjson.Value) string {
	switch v.Kind {
	case pyjson.Object:
		s := "{"
		for _, m := range v.Members() {
			if m.Key != "description" && m.Key != "tooltip" && m.Key != "output_tooltips" {
				s += m.Key + ":" + plain(m.Value) + " "
			}
		}
		return s + "}"
	case pyjson.Array:
		if string(v.Index(1).Get("image_upload").Raw()) == "true" && v.Index(0).Kind == pyjson.Array {
			return "[[files] " + plain(v.Index(1)) + "]"
		}
		s := "["
		for item := range v.Items() {
			s += plain(item) + " "
		}
		return s + "]"
	}
	return pyjson.Repr(v)
}
