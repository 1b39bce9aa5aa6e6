package workflow

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// Verdict is what Validate found. With Refusal nil the graph may run: Outputs
// are the output nodes to run, in the graph's order; NodeErrors is about
// outputs that are left out.
type Verdict struct {
	Refusal    *Refusal
	NodeErrors NodeErrors
	Outputs    []string
	Edits      []settee.Edit     // converted literals, in ascending order
	Inputs     []settee.JobInput // files that the graph names, pinned
}

// Validate judges a graph by a catalog. Targets names the output nodes to
// consider, nil means all; with files nil no file is looked for. The error is
// that of files or ctx; whatever is wrong with the graph is in the verdict.
// Nodes that no considered output needs are not judged, apart from their shape.
// (operationId executePrompt; protocol note 3.1)
func Validate(ctx context.Context, g *Graph, c *Catalog, targets []string, files Files) (*Verdict, error) {
	j := &judge{ctx: ctx, g: g, files: files, classes: make([]*Class, len(g.Nodes)), results: make([]result, len(g.Nodes))}
	v := &Verdict{}
	var outputs []int
	if outputs, v.Refusal = j.outputs(c, targets); len(outputs) == 0 {
		return v, nil
	}
	var good []int
	var lines []string
	noted := map[int]int{} // node: its place in v.NodeErrors
	for _, o := range outputs {
		if err := j.output(o); err != nil {
			return nil, err
		}
		if j.results[o].valid {
			good = append(good, o)
			v.Outputs = append(v.Outputs, g.Nodes[o].ID)
			continue
		}
		for _, e := range j.results[o].errors {
			lines = append(lines, e.Message+": "+e.Details)
		}
		for _, n := range j.done {
			r := j.results[n]
			if r.valid || len(r.errors) == 0 {
				continue
			}
			if _, ok := noted[n]; !ok {
				noted[n] = len(v.NodeErrors)
				v.NodeErrors = append(v.NodeErrors, NodeError{Node: g.Nodes[n].ID, Class: g.Nodes[n].Class, Errors: r.errors})
			}
			e := &v.NodeErrors[noted[n]]
			e.Outputs = append(e.Outputs, g.Nodes[o].ID)
		}
	}
	if len(good) == 0 {
		v.Refusal = refusal(OutputsFailed, "Prompt outputs failed validation", strings.Join(lines, "\n"))
		return v, nil
	}
	return j.accept(v, good), nil
}

// accept lets the good outputs run, unless running them could stop a worker.
func (j *judge) accept(v *Verdict, good []int) *Verdict {
	if r := j.poison(good); r != nil {
		return &Verdict{Refusal: r}
	}
	slices.SortFunc(j.edits, func(a, b settee.Edit) int { return cmp.Compare(a.Start, b.Start) })
	v.Edits, v.Inputs = j.edits, j.inputs
	return v
}

// outputs looks at every node's class, in the graph's order, and gives the
// output nodes to consider. The first problem refuses the graph.
func (j *judge) outputs(c *Catalog, targets []string) ([]int, *Refusal) {
	var wanted map[string]bool
	if targets != nil {
		wanted = make(map[string]bool, len(targets))
		for _, t := range targets {
			wanted[t] = true
		}
	}
	var found []int
	for i := range j.g.Nodes {
		n := &j.g.Nodes[i]
		if r := n.shape(); r != nil {
			return nil, r
		}
		class, ok := c.Class(n.Class)
		if !ok || n.class.Kind != pyjson.String {
			return nil, refuseNode(n.ID, "Cannot execute because node "+pyjson.Str(n.class)+" does not exist.")
		}
		j.classes[i] = class
		if class.Output && (wanted == nil || wanted[n.ID]) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, refusal(NoOutputs, "Prompt has no outputs", "")
	}
	return found, nil
}

// shape refuses a node without a class_type. Python finds the word in a list or
// a string too, and then breaks; it also breaks on what holds nothing.
func (n *Node) shape() *Refusal {
	broken := false
	switch n.value.Kind {
	case pyjson.Object:
		if n.class.Kind != pyjson.Absent {
			return nil
		}
	case pyjson.Array:
		for item := range n.value.Items() {
			broken = broken || item.Text() == "class_type"
		}
	case pyjson.String:
		broken = strings.Contains(n.value.Text(), "class_type")
	default:
		broken = true
	}
	if broken {
		return refuseNode(n.ID, "Cannot execute because a node is not an object.")
	}
	return refuseNode(n.ID, "Cannot execute because a node is missing the class_type property.")
}
