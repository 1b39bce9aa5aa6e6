package replay_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/settee/settee/internal/pyjson"
)

// twins are the nodes of a graph that are equal to others, with all that they
// read: of each, the first of its kind.
func twins(graph pyjson.Value) map[string]string {
	var sign func(id string, depth int) string
	sign = func(id string, depth int) string {
		node := graph.Get(id)
		if depth > graph.Len() || node.Kind != pyjson.Object {
			return "node " + id
		}
		inputs := []string{node.Get("class_type").Text()}
		for _, in := range node.Get("inputs").Members() {
			value := write(in.Value)
			switch in.Value.Kind {
			case pyjson.Bool: // True, 1 and 1.0 are equal
				value = map[bool]string{true: "1", false: "0"}[in.Value.Truthy()]
			case pyjson.Int, pyjson.Float:
				value = strconv.FormatFloat(in.Value.Float(), 'g', -1, 64)
			}
			if in.Value.Kind == pyjson.Array && in.Value.Len() == 2 {
				value = sign(in.Value.Index(0).Text(), depth+1) + write(in.Value.Index(1))
			}
			inputs = append(inputs, in.Key+"="+value)
		}
		slices.Sort(inputs[1:])
		return "(" + strings.Join(inputs, " ") + ")"
	}
	if graph.Len() > 100 {
		return nil // signatures of long chains grow with the square
	}
	first, all := map[string]string{}, map[string]string{}
	for _, m := range graph.Members() {
		s := sign(m.Key, 0)
		if first[s] == "" {
			first[s] = m.Key
			continue
		}
		all[m.Key] = first[s]
	}
	return all
}
