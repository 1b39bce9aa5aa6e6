package workflow

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/settee/settee/internal/pyjson"
)

// Needs is what an engine must have to run a job: node classes, and what the
// job chooses from lists (its models among it). It is a job's own, whoever else
// is there, so workers that come later can be compared with it.
type Needs struct {
	Classes []string `json:"classes"`           // of all nodes; sorted
	Choices []Choice `json:"choices,omitempty"` // of the nodes that are run; sorted
	// Refused are hashes of definitions that have all this and for which the
	// job is wrong nevertheless: a range is another, an input is new. Sorted.
	Refused []string `json:"refused,omitempty"`
}

// Choice is an option that an input is set to.
type Choice struct {
	Class string `json:"class"`
	Input string `json:"input"`
	Value string `json:"value"`
}

// JSON is n as it is kept: equal needs are equal text.
func (n Needs) JSON() json.RawMessage {
	body, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and lists only
	}
	return body
}

// Hash names node definitions: blake3, 64 hex digits.
func Hash(definitions []byte) string {
	sum := blake3.Sum256(definitions)
	return hex.EncodeToString(sum[:])
}

// Needs are a graph's, when those output nodes of it are run. A choice counts
// when any of the catalogs offers it: ComfyUI does not look at every list before
// a job runs. File names are no choices: files go where the job goes.
func (g *Graph) Needs(outputs []string, catalogs ...*Catalog) Needs {
	classes := map[string]bool{}
	for i := range g.Nodes {
		classes[g.Nodes[i].Class] = true
	}
	choices := map[Choice]bool{}
	for _, c := range catalogs {
		g.choices(c, outputs, choices)
	}
	n := Needs{Classes: slices.Sorted(maps.Keys(classes))}
	n.Choices = slices.SortedFunc(maps.Keys(choices), func(a, b Choice) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Input, b.Input), cmp.Compare(a.Value, b.Value))
	})
	return n
}

// choices collects what the nodes that outputs need choose from c's lists.
func (g *Graph) choices(c *Catalog, outputs []string, into map[Choice]bool) {
	seen := map[string]bool{}
	todo := slices.Clone(outputs)
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		node := g.Node(id)
		if node == nil || seen[id] {
			continue
		}
		seen[id] = true
		class, ok := c.Class(node.Class)
		if !ok {
			continue
		}
		for i := range class.Inputs {
			d := &class.Inputs[i]
			value := node.Input(d.Name)
			if inner := value.Get("__value__"); inner.Kind != pyjson.Absent {
				value = inner
			}
			if from, _, ok := Link(value); ok {
				todo = append(todo, from)
			} else if value.Kind == pyjson.String && d.file == "" && d.texts[value.Text()] {
				into[Choice{node.Class, d.Name, value.Text()}] = true
			}
		}
	}
}

// Meets reports whether an engine with these definitions has what n names. An
// input that is no list here takes any value.
func (c *Catalog) Meets(n Needs) bool {
	for _, name := range n.Classes {
		if _, ok := c.classes[name]; !ok {
			return false
		}
	}
	for _, choice := range n.Choices {
		class, ok := c.classes[choice.Class]
		if !ok {
			return false
		}
		i := slices.IndexFunc(class.Inputs, func(d Declared) bool { return d.Name == choice.Input })
		if i >= 0 && class.Inputs[i].texts != nil && !class.Inputs[i].texts[choice.Value] {
			return false
		}
	}
	return true
}
