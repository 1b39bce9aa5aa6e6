package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// definitions of classes that the recorded server does not have.
const definitions = `{
 "Make": {"input": {"required": {"n": ["INT", {"min": 0, "max": 9}]}, "optional": {"x": ["FLOAT", {"min": -1.5}], "s": ["STRING"], "b": ["BOOLEAN", {}], "like": ["Make"]}}, "output": ["IMAGE", "MASK,LATENT", ["a", "b"]], "output_node": false},
 "New": {"input": {"required": {}}, "output": ["IMAGE"], "output_node": false, "deprecated": false, "experimental": false, "api_node": false},
 "Any": {"input": {"required": {"v": ["*", {}]}}, "output": ["*"], "output_node": false},
 "Odd": {"input": {"required": {"t": ["THING", {"min": 1}]}}, "output": [], "output_node": true},
 "Pick": {"input": {"required": {"m": [["a", "b"]]}, "optional": {"k": [[1, 2.5, true, null, {"q": []}], {"default": 1}]}}, "output": ["MASK"], "output_node": true},
 "Out": {"input": {"required": {"image": ["IMAGE,LATENT"]}, "optional": {"more": ["IMAGE"]}, "hidden": {"prompt": "PROMPT"}}, "output": [], "output_node": true},
 "Bare": {"input": {}, "output": ["IMAGE"], "output_node": true},
 "Film": {"input": {"required": {"film": ["COMBO", {"options": [], "video_upload": true}]}, "optional": {"also": [["a.png"], {"image_upload": true}], "off": [["a.png"], {"image_upload": false}]}}, "output": ["IMAGE"], "output_node": true},
 "LoadLatent": {"input": {"required": {"latent": [[]]}}, "output": ["LATENT"], "output_node": true}
}`

func small(t testing.TB) *Catalog {
	t.Helper()
	c, err := ParseCatalog([]byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// judged is the verdict in one text: what is refused, or what is edited, pinned
// and run, and what is wrong with nodes.
func judged(t testing.TB, graph string, targets []string) string {
	t.Helper()
	g, err := Parse([]byte(graph))
	if err != nil {
		return err.Error()
	}
	v, err := Validate(t.Context(), g, small(t), targets, shelf{"here.png [input]": {Hash: "h1", Size: 7}, "cut.mp4 [output]": {Hash: "h2"}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	if v.Refusal != nil {
		out = append(out, v.Refusal.Error())
	} else {
		out = append(out, "runs "+strings.Join(v.Outputs, ","))
	}
	for _, n := range v.NodeErrors {
		for _, e := range n.Errors {
			line := fmt.Sprintf("%s %s: %s", n.Node, e.Type, e.Details)
			if !strings.Contains(e.Details, e.Message) && (e.Type == TooSmall || e.Type == TooBig) {
				line += ": " + e.Message
			}
			out = append(out, line)
		}
	}
	for _, i := range v.Inputs {
		out = append(out, fmt.Sprintf("pins %s.%s %s=%s", i.Node, i.Input, i.Reference, i.Hash))
	}
	if shown := string(Apply(g.Raw, v.Edits, false)); shown != graph {
		out = append(out, "becomes "+shown)
	}
	return strings.Join(out, "\n")
}

func TestVerdicts(t *testing.T) {
	const failed = "Prompt outputs failed validation\n"
	for name, c := range map[string]struct {
		graph   string
		targets []string
		want    string
	}{
		"literals are converted where they stand": {
			graph: `{"o": {"class_type":"Out","inputs":{"image":["m",0]}}, "m":{"class_type":"Make", "inputs":{"n": " 7 ","x" :2,"s":{"a": [1.50,null]},"b":"false"}}}`,
			want:  `runs o` + "\n" + `becomes {"o": {"class_type":"Out","inputs":{"image":["m",0]}}, "m":{"class_type":"Make", "inputs":{"n": 7,"x" :2.0,"s":"{'a': [1.5, None]}","b":true}}}`,
		},
		"what needs no conversion keeps its bytes": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":-0,"x":1e0,"s":"\u0061","b":false}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  `runs o`,
		},
		"a float may become NaN": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":1,"x":"nan"}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  `runs o` + "\n" + `becomes {"m":{"class_type":"Make","inputs":{"n":1,"x":NaN}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
		},
		"wrappings are taken off": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":{"__value__": 3.5},"s":{"__value__":[1, "x"]}}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  `runs o` + "\n" + `becomes {"m":{"class_type":"Make","inputs":{"n":3,"s":"[1, 'x']"}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
		},
		"of two equal keys the last counts": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":"x","n":"5"}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  `runs o` + "\n" + `becomes {"m":{"class_type":"Make","inputs":{"n":"x","n":5}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
		},
		"ranges": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":"10","x":-2}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  failed + "m value_bigger_than_max: n: Value 10 bigger than max of 9\nm value_smaller_than_min: x: Value -2.0 smaller than min of -1.5",
		},
		"unions and the star": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":1}},"a":{"class_type":"Any","inputs":{"v":["m",2]}},"o":{"class_type":"Out","inputs":{"image":["m",1],"more":["a",0]}}}`,
			want:  `runs o`,
		},
		"a list of options is no name": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":1}},"p":{"class_type":"Pick","inputs":{"m":["m",2]}},"o":{"class_type":"Out","inputs":{"image":["m",2]}}}`,
			want:  "runs p\no return_type_mismatch: image, received_type(['a', 'b']) mismatch input_type(IMAGE,LATENT)",
		},
		"options are compared as Python compares": {
			graph: `{"p":{"class_type":"Pick","inputs":{"m":"a","k":1.0}},"q":{"class_type":"Pick","inputs":{"m":"a","k":{"q":[ ]}}},"r":{"class_type":"Pick","inputs":{"m":"c","k":"1"}}}`,
			want:  "runs p,q\nr value_not_in_list: m: 'c' not in ['a', 'b']\nr value_not_in_list: k: '1' not in [1, 2.5, True, None, {'q': []}]",
		},
		"what cannot be compared raises": {
			graph: `{"p":{"class_type":"Odd","inputs":{"t":"x"}},"q":{"class_type":"Odd","inputs":{"t":1}}}`,
			want:  "runs q\np exception_during_validation: '<' not supported between instances of 'str' and 'int'",
		},
		"ids that no key can be": {
			graph: `{"p":{"class_type":"Out","inputs":{"image":[["x"],0]}},"q":{"class_type":"Out","inputs":{"image":[null,0]}},"r":{"class_type":"Out","inputs":{"image":["it's",0]}}}`,
			want: "Prompt outputs failed validation (Exception when validating node: unhashable type: 'list'\nException when validating node: None\nException when validating node: \"it's\")\n" +
				"p exception_during_validation: unhashable type: 'list'\nq exception_during_validation: None\nr exception_during_validation: \"it's\"",
		},
		"slots, new style": {
			graph: `{"n":{"class_type":"New","inputs":{}},"o":{"class_type":"Out","inputs":{"image":["n",1]}},"p":{"class_type":"Out","inputs":{"image":["n",false]}},"q":{"class_type":"Out","inputs":{"image":["n",1e0]}},"r":{"class_type":"Out","inputs":{"image":["n",99999999999999999999]}}}`,
			want: "runs p\no exception_during_validation: list index out of range\nq exception_during_validation: list indices must be integers or slices, not float\n" +
				"r exception_during_validation: cannot fit 'int' into an index-sized integer",
		},
		"an exception drops what was found before it": {
			graph: `{"m":{"class_type":"Make","inputs":{"n":-1,"like":["gone",0]}},"o":{"class_type":"Out","inputs":{"image":["m",0]}}}`,
			want:  failed + "m exception_during_inner_validation: 'gone'",
		},
		"inputs that are no object": {
			graph: `{"a":{"class_type":"Out","inputs":"an image"},"b":{"class_type":"Out","inputs":5},"c":{"class_type":"Out","inputs":["image"]},"d":{"class_type":"Out","inputs":"x"}}`,
			want: "Prompt outputs failed validation (Exception when validating node: string indices must be integers, not 'str'\nException when validating node: argument of type 'int' is not iterable\n" +
				"Exception when validating node: list indices must be integers or slices, not str\nRequired input is missing: image)\n" +
				"a exception_during_validation: string indices must be integers, not 'str'\nb exception_during_validation: argument of type 'int' is not iterable\n" +
				"c exception_during_validation: list indices must be integers or slices, not str\nd required_input_missing: image",
		},
		"a cycle says nothing": {
			graph: `{"a":{"class_type":"Any","inputs":{"v":["b",0]}},"b":{"class_type":"Any","inputs":{"v":["a",0]}},"o":{"class_type":"Out","inputs":{"image":["a",0]}},"p":{"class_type":"Out","inputs":{"image":["b",0]}}}`,
			want:  "Prompt outputs failed validation",
		},
		"a node may be its own cycle": {
			graph: `{"a":{"class_type":"Any","inputs":{"v":["a",0]}},"o":{"class_type":"Out","inputs":{"image":["a",0]}},"p":{"class_type":"Bare","inputs":{}}}`,
			want:  "runs p",
		},
		"a node in a cycle keeps its own errors": {
			graph: `{"a":{"class_type":"Make","inputs":{"n":-1,"like":["b",0]}},"b":{"class_type":"Any","inputs":{"v":["a",0]}},"o":{"class_type":"Out","inputs":{"image":["a",0]}}}`,
			want:  failed + "a value_smaller_than_min: n: Value -1 smaller than min of 0",
		},
		"targets": {
			graph:   `{"p":{"class_type":"Bare","inputs":{}},"q":{"class_type":"Bare","inputs":{}},"o":{"class_type":"Out","inputs":{}}}`,
			targets: []string{"o", "q", "nobody"},
			want:    "runs q\no required_input_missing: image",
		},
		"no target is an output": {graph: `{"p":{"class_type":"Bare","inputs":{}},"n":{"class_type":"New","inputs":{}}}`, targets: []string{"n"}, want: "Prompt has no outputs"},
		"what no target needs is not judged": {
			graph:   `{"p":{"class_type":"Bare","inputs":{}},"o":{"class_type":"Out","inputs":{"image":["gone",0]}}}`,
			targets: []string{"p"}, want: "runs p",
		},
		"files": {
			graph: `{"f":{"class_type":"Film","inputs":{"film":"cut.mp4 [output]","also":"here.png","off":"a.png"}},"g":{"class_type":"Film","inputs":{"film":"","also":"../x","off":"x"}},"h":{"class_type":"Film","inputs":{"film":7}},"l":{"class_type":"LoadLatent","inputs":{"latent":"x.latent"}}}`,
			want: "runs f\ng value_not_in_list: off: 'x' not in ['a.png']\ng custom_validation_failed: also - Invalid image file: ../x\n" +
				"h exception_during_validation: 'int' object has no attribute 'endswith'\nl custom_validation_failed: latent - Invalid latent file: x.latent\n" +
				"pins f.film cut.mp4 [output]=h2\npins f.also here.png=h1",
		},
		"a class that is no string": {graph: `{"p":{"class_type":["Bare"],"inputs":{}}}`, want: "Cannot execute because node ['Bare'] does not exist. (Node ID '#p')"},
		"poison: a node beside the good ones": {
			graph: `{"p":{"class_type":"Bare","inputs":{}},"x":{"class_type":"New","inputs":[]}}`,
			want:  "Cannot execute because the inputs of a node are not an object. (Node ID '#x')",
		},
		"poison: an output that is left out": {
			graph: `{"p":{"class_type":"Bare","inputs":{}},"x":{"class_type":"Out"}}`,
			want:  "Cannot execute because the inputs of a node are not an object. (Node ID '#x')",
		},
		"poison: nothing declared, nothing looked at": {
			graph: `{"p":{"class_type":"Bare"}}`,
			want:  "Cannot execute because the inputs of a node are not an object. (Node ID '#p')",
		},
		"poison: an undeclared link to nowhere": {
			graph: `{"p":{"class_type":"Bare","inputs":{"extra":["n",0]}},"n":{"class_type":"New","inputs":{"more":["gone",0.5]}}}`,
			want:  "Cannot execute because a node is linked to node 'gone', which does not exist. (Node ID '#n')",
		},
		"poison: a wrapped link to nowhere": {
			graph: `{"a":{"class_type":"Any","inputs":{"v":{"__value__":["gone",0]}}},"o":{"class_type":"Out","inputs":{"image":["a",0]}}}`,
			want:  "Cannot execute because a node is linked to node 'gone', which does not exist. (Node ID '#a')",
		},
		"undeclared lists that are no links are harmless": {
			graph: `{"p":{"class_type":"Bare","inputs":{"a":["gone"],"b":[1,0],"c":["gone","0"],"d":{"e":["gone",0]}}},"x":{"class_type":"New","inputs":{"v":["gone",0]}}}`,
			want:  "runs p",
		},
		"an id that cannot be kept": {graph: `{"\ud800":{"class_type":"Bare","inputs":{}}}`, want: `A node id holds characters that are not text. ("\ud800")`},
	} {
		if got := judged(t, c.graph, c.targets); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"o":{"class_type":"Out","inputs":{"image":["0",0]}}`)
		for i := range n - 2 {
			fmt.Fprintf(&b, `,"%d":{"class_type":"Any","inputs":{"v":["%d",0]}}`, i, i+1)
		}
		fmt.Fprintf(&b, `,"%d":{"class_type":"Make","inputs":{"n":"1"}}}`, n-2)
		return b.String()
	}
	long := chain(MaxNodes)
	if got := judged(t, long, nil); !strings.HasPrefix(got, "runs o\nbecomes ") {
		t.Errorf("a chain of all nodes: %.200s", got)
	}
	if got := judged(t, strings.Replace(long, `"n":"1"`, `"n":-1`, 1), nil); got != fmt.Sprintf("Prompt outputs failed validation\n%d value_smaller_than_min: n: Value -1 smaller than min of 0", MaxNodes-2) {
		t.Errorf("an error at its end: %.200s", got)
	}
	if got := judged(t, chain(MaxNodes+1), nil); got != "The prompt has more than 10000 nodes." {
		t.Errorf("one node more: %.200s", got)
	}
	wide := `{"p":{"class_type":"Bare","inputs":{` + strings.Repeat(`"a":0,`, MaxInputs) + `"b":0}}}`
	if got := judged(t, wide, nil); got != "The prompt has more than 500000 inputs." {
		t.Errorf("too many inputs: %.200s", got)
	}
}

func TestFilesAreAskedOnceAndTheirTroubleIsPassedOn(t *testing.T) {
	g, err := Parse([]byte(`{"f":{"class_type":"Film","inputs":{"film":"a"}},"g":{"class_type":"Film","inputs":{"film":"a","also":"a"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	count := resolver(func(name string, folder settee.FileType) (settee.Blob, bool, error) {
		asked = append(asked, string(folder)+"/"+name)
		return settee.Blob{Hash: "h", Size: 3}, true, nil
	})
	v, err := Validate(t.Context(), g, small(t), nil, count)
	if err != nil || !slices.Equal(asked, []string{"input/a"}) {
		t.Errorf("asked %v, error %v", asked, err)
	}
	want := []settee.JobInput{{Node: "f", Input: "film", Reference: "a", Hash: "h", Size: 3}, {Node: "g", Input: "film", Reference: "a", Hash: "h", Size: 3}, {Node: "g", Input: "also", Reference: "a", Hash: "h", Size: 3}}
	if !slices.Equal(v.Inputs, want) {
		t.Errorf("pins %+v", v.Inputs)
	}
	down := errors.New("the database is away")
	if _, err := Validate(t.Context(), g, small(t), nil, resolver(func(string, settee.FileType) (settee.Blob, bool, error) { return settee.Blob{}, false, down })); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Validate(ended, g, small(t), nil, count); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end", err)
	}
}

type resolver func(name string, folder settee.FileType) (settee.Blob, bool, error)

func (r resolver) Resolve(_ context.Context, name string, folder settee.FileType) (settee.Blob, bool, error) {
	return r(name, folder)
}

// Whatever is sent, an accepted graph is one that every worker survives.
func FuzzValidate(f *testing.F) {
	f.Add([]byte(`{"o":{"class_type":"Out","inputs":{"image":["m",0],"more":["m",-3]}},"m":{"class_type":"Make","inputs":{"n":" 7 ","x":"nan","s":{"__value__":["x",0]},"b":[]}}}`))
	f.Add([]byte(`{"p":{"class_type":"Bare","inputs":{"e":["q",0]}},"q":{"class_type":"Any","inputs":{"v":["p",1.5]}},"q":{"class_type":"Pick","inputs":null}}`))
	f.Add([]byte(`{"f":{"class_type":"Film","inputs":{"film":"here.png","also":{"__value__":null}},"_meta":{"title":"\ud800"}}}`))
	c := small(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := Parse(raw)
		if err != nil {
			refused(t, err)
			return
		}
		v, err := Validate(t.Context(), g, c, nil, shelf{"here.png [input]": {Hash: "h"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Fatal(err)
		}
		v.NodeErrors.Lines(g)
		if same := Apply(raw, nil, true); string(same) != string(raw) {
			t.Fatal("no edits changed something")
		}
		if v.Refusal != nil {
			return
		}
		effective, err := Parse(Apply(raw, v.Edits, true))
		if err != nil {
			t.Fatalf("%q became unreadable: %v", raw, err)
		}
		again, err := Validate(t.Context(), effective, c, v.Outputs, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range effective.Nodes {
			if _, ok := c.Class(n.Class); !ok || n.value.Get("inputs").Kind != pyjson.Object {
				t.Fatalf("node %q of %q would stop a worker", n.ID, raw)
			}
		}
		// A list that was wrapped is a link now; apart from that, nothing is left
		// to convert.
		if !strings.Contains(string(raw), "__value__") && (again.Refusal != nil || len(again.Edits) > 0) {
			t.Fatalf("%q is judged differently the second time: %v %v", raw, again.Refusal, again.Edits)
		}
	})
}
