package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// judge goes through the nodes that outputs need, each once. It keeps its own
// stack: a chain may be as long as a graph.
type judge struct {
	ctx     context.Context
	g       *Graph
	files   Files
	classes []*Class // by node
	results []result // by node
	done    []int    // nodes in the order in which their result was known

	edits    []settee.Edit
	inputs   []settee.JobInput
	lists    map[int][]pyjson.Value // lists that were wrapped as literals, by node
	resolved map[string]resolution
}

// result is what is known of a node. A node is invalid without errors of its
// own when one that it needs is.
type result struct {
	state  state
	valid  bool
	errors []InputError
}

type state uint8

const (
	unseen state = iota
	open         // on the stack: a link to it closes a cycle
	known
)

// visit is a node that is being judged.
type visit struct {
	node   int
	class  *Class
	next   int // the declared input to look at next
	valid  bool
	errors []InputError

	declared *Declared    // the input whose link is being followed
	link     pyjson.Value // that link
}

// output judges an output node and all it needs. The error is not the graph's.
func (j *judge) output(o int) error {
	if j.results[o].state == known {
		return nil
	}
	stack := []*visit{j.open(o)}
	for len(stack) > 0 {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		top := stack[len(stack)-1]
		source, follow, err := j.advance(top)
		if follow {
			stack = append(stack, j.open(source))
			continue
		}
		raised, isRaised := errors.AsType[*pyjson.Exception](err)
		if err != nil && !isRaised {
			return err
		}
		stack = stack[:len(stack)-1]
		var above *visit
		if len(stack) > 0 {
			above = stack[len(stack)-1]
		}
		switch {
		case raised == nil:
			j.close(top.node, top.valid && len(top.errors) == 0, top.errors)
		case above != nil: // ComfyUI notes it at the node that raised, in the words of the one above
			j.close(top.node, false, []InputError{innerException(above, raised)})
		default:
			j.close(top.node, false, []InputError{outerException(raised)})
		}
		if above != nil && !j.results[top.node].valid {
			above.valid = false
		}
	}
	return nil
}

func (j *judge) open(node int) *visit {
	j.results[node].state = open
	return &visit{node: node, class: j.classes[node], valid: true}
}

func (j *judge) close(node int, valid bool, errs []InputError) {
	j.results[node] = result{state: known, valid: valid, errors: errs}
	j.done = append(j.done, node)
}

// advance looks at a node's inputs until a link has to be followed first or all
// is said. An error that is a *pyjson.Exception is what Python would raise.
func (j *judge) advance(v *visit) (source int, follow bool, err error) {
	n := &j.g.Nodes[v.node]
	for v.next < len(v.class.Inputs) {
		d := &v.class.Inputs[v.next]
		v.next++
		value, err := n.get(d.Name)
		if err != nil {
			return 0, false, err
		}
		switch value.Kind {
		case pyjson.Absent:
			if d.Required {
				v.add(InputMissing, "Required input is missing", d.Name, "input_name", quoted(d.Name))
			}
		case pyjson.Array:
			source, follow, err := j.link(v, d, value)
			if follow || err != nil {
				return source, follow, err
			}
		default:
			if err := j.literal(v, d, value); err != nil {
				return 0, false, err
			}
		}
	}
	return 0, false, j.checkFiles(v)
}

// get is Python's inputs[name] where it is there: an exception when the inputs
// are nothing to look into.
func (n *Node) get(name string) (pyjson.Value, error) {
	switch n.inputs.Kind {
	case pyjson.Object:
		return n.Input(name), nil
	case pyjson.Absent:
		return pyjson.Value{}, raise("KeyError", "'inputs'")
	case pyjson.Array:
		for item := range n.inputs.Items() {
			if item.Kind == pyjson.String && item.Text() == name {
				return pyjson.Value{}, raise("TypeError", "list indices must be integers or slices, not str")
			}
		}
		return pyjson.Value{}, nil
	case pyjson.String:
		if strings.Contains(n.inputs.Text(), name) {
			return pyjson.Value{}, raise("TypeError", "string indices must be integers, not 'str'")
		}
		return pyjson.Value{}, nil
	}
	return pyjson.Value{}, raise("TypeError", "argument of type '"+n.inputs.TypeName()+"' is not iterable")
}

func raise(kind, text string) error { return &pyjson.Exception{Type: kind, Text: text} }

// add notes an error; info is pairs of a key and its JSON.
func (v *visit) add(kind, message, details string, info ...any) {
	v.errors = append(v.errors, InputError{kind, message, details, extraInfo(info...)})
}

func extraInfo(pairs ...any) json.RawMessage {
	out := []byte{'{'}
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(append(out, pyjson.Quote(pairs[i].(string))...), ": "...)
		out = append(out, pairs[i+1].([]byte)...)
	}
	return append(out, '}')
}

func quoted(s string) []byte { return pyjson.Quote(s) }

func innerException(above *visit, e *pyjson.Exception) InputError {
	return InputError{InnerException, "Exception when validating inner node", e.Text, extraInfo(
		"input_name", quoted(above.declared.Name),
		"input_config", above.declared.config(),
		"exception_message", quoted(e.Text),
		"exception_type", quoted(e.Type),
		"traceback", []byte("[]"),
		"linked_node", pyjson.Strict(above.link))}
}

func outerException(e *pyjson.Exception) InputError {
	return InputError{OuterException, "Exception when validating node", e.Text, extraInfo(
		"exception_type", quoted(e.Type),
		"traceback", []byte("[]"))}
}
