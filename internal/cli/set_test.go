package cli_test

import (
	"strings"
	"testing"
)

func TestSetChangesTheBytesOfAnInput(t *testing.T) {
	s := newShell(t)
	s.write("w.json", graph)
	for name, test := range map[string]struct {
		set      []string
		old, new string // of graph
	}{
		"64 bits":            {[]string{"3.seed=18446744073709551615"}, `"seed": 1`, `"seed": 18446744073709551615`},
		"float stays text":   {[]string{"3.strength=1e-3"}, `0.5`, `1e-3`},
		"no int":             {[]string{"3.seed=1.5"}, `"seed": 1`, `"seed": "1.5"`},
		"string":             {[]string{"3.text=a beautiful sunset"}, `"x"`, `"a beautiful sunset"`},
		"string like number": {[]string{"3.text=42"}, `"x"`, `"42"`},
		"quoted string":      {[]string{`3.text="42"`}, `"x"`, `"42"`},
		"equals sign":        {[]string{"3.text=a=b,c"}, `"x"`, `"a=b,c"`},
		"bool":               {[]string{"3.on=false"}, `true`, `false`},
		"bool as text":       {[]string{"3.on=no"}, `true`, `"no"`},
		"combo of strings":   {[]string{"3.mode=1"}, `"mode": "b"`, `"mode": "1"`},
		"link":               {[]string{`3.seed=["4",0]`}, `"seed": 1`, `"seed": ["4",0]`},
		"undeclared":         {[]string{"3.odd=7"}, `"odd": 1`, `"odd": 7`},
		"undeclared string":  {[]string{"3.odd=x"}, `"odd": 1`, `"odd": "x"`},
		"not there yet":      {[]string{"3.extra=5"}, `{"seed"`, `{"extra": 5, "seed"`},
		"twice":              {[]string{"3.seed=5", "3.seed=6"}, `"seed": 1`, `"seed": 6`},
		"several":            {[]string{"3.seed=5000000000", "4.images=x"}, `"seed": 1, "strength": 0.5, "on": true, "text": "x", "mode": "b", "odd": 1}, "_meta": {"title": "Grain"}},` + "\n" + ` "4": {"class_type": "Save", "inputs": {"images": ["3", 0]`, `"seed": 5000000000, "strength": 0.5, "on": true, "text": "x", "mode": "b", "odd": 1}, "_meta": {"title": "Grain"}},` + "\n" + ` "4": {"class_type": "Save", "inputs": {"images": "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.frames = whole
			args := []string{"run", "w.json", "--server", c.serve()}
			for _, set := range test.set {
				args = append(args, "--set", set)
			}
			s.want(s.run(args...), 0, "")
			if strings.Count(graph, test.old) != 1 {
				t.Fatalf("%q is not once in the graph", test.old)
			}
			want := `{"prompt":` + strings.Replace(graph, test.old, test.new, 1) + `,"prompt_id"`
			if !strings.HasPrefix(c.received, want) {
				t.Errorf("sent\n%s\nwant\n%s", c.received, want)
			}
		})
	}
}

func TestSetOfWhatIsNotThere(t *testing.T) {
	s := newShell(t)
	s.write("w.json", graph)
	server := newCloud(t).serve()
	s.want(s.run("run", "w.json", "--set", "9.seed=1"), 2, "", `--set 9.seed: there is no node 9; the nodes are 3 "Grain", 4 "Save"`)
	s.want(s.run("run", "w.json", "--set", "3.seed"), 2, "", "--set 3.seed: write NODE.INPUT=VALUE")
	s.want(s.run("run", "w.json", "--set", "3=1"), 2, "", "--set 3=1: write NODE.INPUT=VALUE")
	s.want(s.run("run", "w.json", "--set", "3.sed=1", "--server", server), 2, "",
		`--set 3.sed: node 3 "Grain" has no input sed; it has seed, strength, on, text, mode, odd, extra`)
}

func TestSetWithoutDefinitions(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	s.write("w.json", strings.ReplaceAll(graph, "Noise", "Custom"))
	s.want(s.run("run", "w.json", "--server", c.serve(), "--set", "3.text=42", "--set", "3.seed=42"), 0, "")
	if !strings.Contains(c.received, `"seed": 42,`) || !strings.Contains(c.received, `"text": "42"`) {
		t.Errorf("sent %s", c.received)
	}
}
