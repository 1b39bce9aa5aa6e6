package cli

import (
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// assignment is a --set NODE.INPUT=VALUE.
type assignment struct {
	text  string // as given
	node  string
	name  string
	value string
}

// assignTo reads what --set gave; the node must be in the graph. Where ids hold
// dots, the shortest id that exists counts.
func assignTo(g *workflow.Graph, text string) (assignment, error) {
	target, value, ok := strings.Cut(text, "=")
	if !ok {
		return assignment{}, refuse("--set %s: write NODE.INPUT=VALUE, for example --set 3.seed=42", text)
	}
	for i, c := range target {
		if c == '.' && i+1 < len(target) && g.Node(target[:i]) != nil {
			return assignment{text: target, node: target[:i], name: target[i+1:], value: value}, nil
		}
	}
	id, _, ok := strings.Cut(target, ".")
	if !ok {
		return assignment{}, refuse("--set %s: write NODE.INPUT=VALUE, for example --set 3.seed=42", text)
	}
	return assignment{}, refuse("--set %s: there is no node %s; the nodes are %s", target, id, nodeList(g))
}

// edit is the change of the graph's bytes that the assignment asks for. class
// may be nil when the server does not tell.
func (a assignment) edit(g *workflow.Graph, class *workflow.Class) (settee.Edit, error) {
	node := g.Node(a.node)
	present, declared := node.Input(a.name), declaration(class, a.name)
	literal := a.literal(g, declared, present)
	if present.Kind != pyjson.Absent {
		return settee.Edit{Start: present.Start, End: present.End, Text: literal}, nil
	}
	if declared == nil {
		return settee.Edit{}, refuse("--set %s: node %s %q has no input %s; it has %s", a.text, a.node, g.Title(a.node), a.name, inputList(node, class))
	}
	root, err := pyjson.Parse(g.Raw)
	if err != nil {
		return settee.Edit{}, err
	}
	inputs := root.Get(a.node).Get("inputs")
	if inputs.Kind != pyjson.Object {
		return settee.Edit{}, refuse("--set %s: node %s has no inputs", a.text, a.node)
	}
	text := string(pyjson.Quote(a.name)) + ": " + literal
	if inputs.Len() > 0 {
		text += ", "
	}
	return settee.Edit{Start: inputs.Start + 1, End: inputs.Start + 1, Text: text}, nil
}

// literal is the value as JSON: its own text where that is JSON of the input's
// type, so that whole numbers of any size stay exact; else a string.
func (a assignment) literal(g *workflow.Graph, declared *workflow.Declared, present pyjson.Value) string {
	text := strings.TrimSpace(a.value)
	v, err := pyjson.Parse([]byte(text))
	if err == nil && (linked(g, v) || fits(v, declared, present)) {
		return text
	}
	return string(pyjson.Quote(a.value))
}

func linked(g *workflow.Graph, v pyjson.Value) bool {
	id, _, ok := workflow.Link(v)
	return ok && g.Node(id) != nil
}

// fits reports whether v is of the declared type; with nothing declared, of the
// kind that is there now.
func fits(v pyjson.Value, declared *workflow.Declared, present pyjson.Value) bool {
	number := v.Kind == pyjson.Int || v.Kind == pyjson.Float
	if declared == nil {
		switch present.Kind {
		case pyjson.Int, pyjson.Float:
			return number
		case pyjson.String, pyjson.Bool:
			return v.Kind == present.Kind
		}
		return true
	}
	options := declared.Type
	if options.Kind == pyjson.String {
		switch options.Text() {
		case "INT":
			return v.Kind == pyjson.Int
		case "FLOAT":
			return number
		case "BOOLEAN":
			return v.Kind == pyjson.Bool
		case "STRING":
			return v.Kind == pyjson.String
		case "COMBO":
			options = declared.Options.Get("options")
		default:
			return true
		}
	}
	for option := range options.Items() {
		if pyjson.Equal(option, v) {
			return true
		}
	}
	return false
}

func declaration(class *workflow.Class, input string) *workflow.Declared {
	if class == nil {
		return nil
	}
	for i := range class.Inputs {
		if class.Inputs[i].Name == input {
			return &class.Inputs[i]
		}
	}
	return nil
}

// nodeList names a graph's nodes; of many, the first ones.
func nodeList(g *workflow.Graph) string {
	var all []string
	for _, n := range g.Nodes {
		all = append(all, n.ID+" "+string(pyjson.Quote(g.Title(n.ID))))
	}
	if len(all) > 12 {
		all = append(all[:12], "…")
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// inputList names the inputs that a node has and could have.
func inputList(n *workflow.Node, class *workflow.Class) string {
	var all []string
	for _, in := range n.Inputs {
		all = append(all, in.Name)
	}
	if class != nil {
		for _, d := range class.Inputs {
			if n.Input(d.Name).Kind == pyjson.Absent {
				all = append(all, d.Name)
			}
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
