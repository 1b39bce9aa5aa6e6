package queue

import (
	"encoding/json"

	"github.com/settee/settee"
)

// Fold makes what clients read of a job out of its durable events, in their
// order: outputs and meta by node in the order of execution, and history's
// messages (all events but executed).
func Fold(notes []Note) settee.Result {
	var outputs, meta nodes
	messages := []json.RawMessage{}
	for _, n := range notes {
		if n.Event.Type != settee.EventExecuted {
			messages = append(messages, array([]json.RawMessage{text(n.Event.Type), n.Event.Data}))
			continue
		}
		var x struct {
			Node   string          `json:"node"`
			Output json.RawMessage `json:"output"`
		}
		if json.Unmarshal(n.Event.Data, &x) != nil || len(x.Output) == 0 || string(x.Output) == "null" {
			continue // a cached node without ui leaves no trace in history
		}
		outputs.set(x.Node, x.Output)
		meta.set(x.Node, n.Meta)
	}
	return settee.Result{Outputs: object(outputs...), Meta: object(meta...), Messages: array(messages)}
}

// nodes is an object under construction: a name set again keeps its place.
type nodes []field

func (n *nodes) set(name string, value json.RawMessage) {
	for i := range *n {
		if (*n)[i].name == name {
			(*n)[i].value = value
			return
		}
	}
	*n = append(*n, field{name, value})
}
