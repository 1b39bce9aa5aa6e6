package workflow

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/settee/settee/internal/pyjson"
)

// Graph is a workflow in API format. Raw is what was parsed; all values know
// their bytes in it.
type Graph struct {
	Raw   []byte
	Nodes []Node // in the order of their keys

	index map[string]int
}

// Node is one of a graph's nodes. Class is "" and Inputs is empty where a
// client wrote something else; Validate refuses such a graph when it matters.
type Node struct {
	ID     string
	Class  string
	Title  string  // _meta.title
	Inputs []Input // in the order of their keys

	value  pyjson.Value // the node
	class  pyjson.Value // its class_type
	inputs pyjson.Value // its inputs
}

// Input is what a node's input is set to: a literal or a link.
type Input struct {
	Name  string
	Value pyjson.Value
}

// Parse reads a graph. The error is a *Refusal: raw is not JSON, not an object,
// or over a limit. What its nodes hold is for Validate to judge.
func Parse(raw []byte) (*Graph, error) {
	root, err := pyjson.Parse(raw)
	if err != nil {
		return nil, refusal(InvalidPrompt, "The prompt cannot be read as JSON.", err.Error())
	}
	if root.Kind != pyjson.Object {
		return nil, refusal(InvalidPrompt, "The prompt must be a workflow in API format: an object whose keys are node ids.", "")
	}
	if root.Len() > MaxNodes {
		return nil, refusal(InvalidPrompt, fmt.Sprintf("The prompt has more than %d nodes.", MaxNodes), "")
	}
	members := root.Members()
	g := &Graph{Raw: raw, Nodes: make([]Node, 0, len(members)), index: make(map[string]int, len(members))}
	total := 0
	for _, m := range members {
		if !storable(m.Key) {
			return nil, refusal(InvalidPrompt, "A node id holds characters that are not text.", string(pyjson.Quote(m.Key)))
		}
		f := m.Value.Fields("class_type", "inputs", "_meta")
		n := Node{ID: m.Key, value: m.Value, class: f[0], inputs: f[1]}
		n.Class = n.class.Text()
		n.Title = strings.ToValidUTF8(f[2].Get("title").Text(), "\uFFFD")
		if total += n.inputs.Len(); total > MaxInputs {
			return nil, refusal(InvalidPrompt, fmt.Sprintf("The prompt has more than %d inputs.", MaxInputs), "")
		}
		for _, in := range n.inputs.Members() {
			n.Inputs = append(n.Inputs, Input{Name: in.Key, Value: in.Value})
		}
		g.index[n.ID] = len(g.Nodes)
		g.Nodes = append(g.Nodes, n)
	}
	return g, nil
}

// storable reports whether any database and any JSON reader can hold s.
func storable(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// Node is the node of that id, nil when there is none.
func (g *Graph) Node(id string) *Node {
	if i, ok := g.index[id]; ok {
		return &g.Nodes[i]
	}
	return nil
}

// Title is what people call a node: its _meta.title, else its class, else its
// id.
func (g *Graph) Title(id string) string {
	n := g.Node(id)
	switch {
	case n == nil:
		return id
	case n.Title != "":
		return n.Title
	case n.Class != "":
		return n.Class
	}
	return id
}

// Input is what the input of that name is set to; Absent when it is not.
func (n *Node) Input(name string) pyjson.Value {
	for i := range n.Inputs {
		if n.Inputs[i].Name == name {
			return n.Inputs[i].Value
		}
	}
	return pyjson.Value{}
}

// Link tells whether ComfyUI follows a value as a link when it runs a graph:
// a list of a node's id and a number, the slot.
func Link(v pyjson.Value) (id string, slot int, ok bool) {
	if v.Kind != pyjson.Array || v.Len() != 2 {
		return "", 0, false
	}
	from, n := v.Index(0), v.Index(1)
	if from.Kind != pyjson.String {
		return "", 0, false
	}
	switch n.Kind {
	case pyjson.Int, pyjson.Bool:
		if b := n.Big(); b.IsInt64() {
			slot = int(b.Int64())
		}
	case pyjson.Float:
		slot = int(n.Float())
	default:
		return "", 0, false
	}
	return from.Text(), slot, true
}
