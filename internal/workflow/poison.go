package workflow

import (
	"fmt"

	"github.com/settee/settee/internal/pyjson"
)

// poison refuses what ComfyUI accepts and then dies of: a node, needed or not,
// whose inputs are no object; and a link to no node that running the good
// outputs follows, because it stands in an input that the class does not
// declare and nobody checks.
func (j *judge) poison(good []int) *Refusal {
	for i := range j.g.Nodes {
		if n := &j.g.Nodes[i]; n.inputs.Kind != pyjson.Object {
			return refuseNode(n.ID, "Cannot execute because the inputs of a node are not an object.")
		}
	}
	seen := make([]bool, len(j.g.Nodes))
	todo := append([]int(nil), good...)
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		n := &j.g.Nodes[i]
		values := j.lists[i]
		for _, in := range n.Inputs {
			if in.Value.Kind == pyjson.Array {
				values = append(values, in.Value)
			}
		}
		for _, v := range values {
			id, _, ok := Link(v)
			if !ok {
				continue
			}
			source, ok := j.g.index[id]
			if !ok {
				return refuseNode(n.ID, fmt.Sprintf("Cannot execute because a node is linked to node %s, which does not exist.", pyjson.ReprText(id)))
			}
			if !seen[source] {
				todo = append(todo, source)
			}
		}
	}
	return nil
}
