package workflow

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee/internal/recording"
)

// One line for each recorded kind of error, read from ComfyUI's own answers.
func TestLines(t *testing.T) {
	want := map[string][]string{
		"int-too-small":               {`node 1 "EmptyImage": width 0 is below the minimum 1`},
		"float-string-too-big":        {`node 1 "SolidMask": value 1000.0 is above the maximum 1.0`},
		"int-text":                    {`node 1 "EmptyImage": width 'abc' cannot be read as INT`},
		"int-nan":                     {`node 1 "EmptyImage": width nan cannot be read as INT`},
		"int-null":                    {`node 1 "EmptyImage": width null cannot be read as INT`},
		"float-infinity":              {`node 1 "SolidMask": value -inf is below the minimum 0.0`},
		"input-missing-upstream":      {`node 1 "EmptyImage": width is missing`},
		"link-one-element":            {`node 9 "SaveImage": images ['1'] is no link: one is written [node id, output number]`},
		"type-mismatch":               {`node 2 "MaskToImage": mask takes MASK, but output 0 of node 1 gives IMAGE`},
		"type-mismatch-string-combo":  {`node 2 "ImageScale": upscale_method takes one of nearest-exact, bilinear, area, bicubic, lanczos, but output 0 of node 5 gives STRING`},
		"link-missing-node-on-output": {`node 9 "SaveImage": a link leads to node '77', which does not exist`},
		"link-missing-node-upstream":  {`node 2 "ImageInvert": a link leads to node '77', which does not exist`},
		"link-slot-out-of-range":      {`node 2 "ImageInvert": a link leads to an output that does not exist`},
		"link-slot-string":            {`node 2 "ImageInvert": it cannot be checked: tuple indices must be integers or slices, not str (TypeError)`},
		"inputs-missing":              {`node 1 "EmptyImage": it has no inputs`},
		"not-in-list":                 {`node 2 "ImageScale": crop 'left' is not one of disabled, center`},
		"not-in-list-long":            {`node 3 "KSampler": sampler_name 'no-such' is not one of the 42 choices`},
		"not-in-list-lora":            {`node 10 "LoraLoader": lora_name 'x.safetensors' cannot be chosen: there is nothing to choose from`},
		"file-absent":                 {`node 1 "LoadImage": image: Invalid image file: absent.png`},
		"output-and-upstream-bad":     {`node 1 "EmptyImage": width 0 is below the minimum 1`, `node 9 "SaveImage": filename_prefix is missing`},
	}
	for _, x := range recording.Errors(t) {
		lines, ok := want[x.Name]
		if !ok {
			continue
		}
		delete(want, x.Name)
		_, rest, _ := strings.Cut(string(x.Body), `"node_errors": `)
		e, err := ParseNodeErrors([]byte(strings.TrimSuffix(rest, "}")))
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		got := e.Lines(nil)
		slices.Sort(got)
		if diff := cmp.Diff(lines, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", x.Name, diff)
		}
	}
	if len(want) > 0 {
		t.Errorf("not recorded: %v", want)
	}
}

func TestLinesNameTheTitle(t *testing.T) {
	g, err := Parse([]byte(`{"4":{"class_type":"Make","inputs":{"n":-1},"_meta":{"title":"Twice\nas \"big\""}},"o":{"class_type":"Out","inputs":{"image":["4",0]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Validate(t.Context(), g, small(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.NodeErrors.Lines(g); !slices.Equal(got, []string{`node 4 "Twice\nas \"big\"": n -1 is below the minimum 0`}) {
		t.Errorf("%q", got)
	}
	wire, err := json.Marshal(v.NodeErrors)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"4":{"errors":[{"type":"value_smaller_than_min","message":"Value -1 smaller than min of 0","details":"n",` +
		`"extra_info":{"input_name":"n","input_config":["INT",{"min":0,"max":9}],"received_value":-1}}],"dependent_outputs":["o"],"class_type":"Make"}}`
	if string(wire) != want {
		t.Errorf("wire\n%s\nwant\n%s", wire, want)
	}
	read, err := ParseNodeErrors(wire)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v.NodeErrors.Lines(g), read.Lines(g)); diff != "" {
		t.Error(diff)
	}
}

func TestNodeErrorsOnTheWire(t *testing.T) {
	for want, e := range map[string]NodeErrors{
		`{}`: nil,
		`{"\u00fc":{"errors":[],"dependent_outputs":["9"],"class_type":"X"}}`: {{Node: "ü", Class: "X", Errors: []InputError{}, Outputs: []string{"9"}}},
	} {
		if got, err := json.Marshal(e); string(got) != want || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}
	for _, bad := range []string{``, `[]`, `{"1":[]}`, `{"1":{"errors":{}}}`} {
		if e, err := ParseNodeErrors([]byte(bad)); err == nil {
			t.Errorf("%s was read as %v", bad, e)
		}
	}
	odd, err := ParseNodeErrors([]byte(`{"1":{"errors":[{"type":"new","message":"m","details":"d","extra_info":null},{"type":"new","message":"m"}],"class_type":"C"}}`))
	if got := odd.Lines(nil); err != nil || !slices.Equal(got, []string{`node 1 "C": m: d`, `node 1 "C": m`}) {
		t.Errorf("%q, %v", got, err)
	}
}
