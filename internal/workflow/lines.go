package workflow

import (
	"fmt"
	"strings"

	"github.com/settee/settee/internal/pyjson"
)

// Lines tells people what is wrong, one thing a line:
//
//	node 4 "Resize": width 0 is below the minimum 1
//
// Titles are g's; with g nil the classes stand for them.
func (e NodeErrors) Lines(g *Graph) []string {
	var lines []string
	for _, n := range e {
		title := n.Class
		if g != nil {
			title = g.Title(n.Node)
		}
		for _, x := range n.Errors {
			lines = append(lines, oneLine(fmt.Sprintf("node %s %q: %s", n.Node, title, x.sentence())))
		}
	}
	return lines
}

// oneLine keeps what a client wrote from breaking a line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

// sentence says an error in few words; ComfyUI's own where there are no better.
func (x InputError) sentence() string {
	info, err := pyjson.Parse(x.ExtraInfo)
	if err != nil {
		return x.plain()
	}
	name := pyjson.Str(info.Get("input_name"))
	value := x.received(info)
	config := info.Get("input_config")
	switch x.Type {
	case InputMissing:
		return name + " is missing"
	case BadLink:
		return fmt.Sprintf("%s %s is no link: one is written [node id, output number]", name, value)
	case TypeMismatch:
		from := info.Get("linked_node")
		return fmt.Sprintf("%s takes %s, but output %s of node %s gives %s", name, kinds(config.Index(0)),
			pyjson.Str(from.Index(1)), pyjson.Str(from.Index(0)), kinds(info.Get("received_type")))
	case InnerException, OuterException:
		return x.exception(pyjson.Str(info.Get("exception_type")))
	case NotConvertible:
		return fmt.Sprintf("%s %s cannot be read as %s", name, value, pyjson.Str(config.Index(0)))
	case TooSmall:
		return fmt.Sprintf("%s %s is below the minimum %s", name, value, pyjson.Str(config.Index(1).Get("min")))
	case TooBig:
		return fmt.Sprintf("%s %s is above the maximum %s", name, value, pyjson.Str(config.Index(1).Get("max")))
	case NotInList:
		return fmt.Sprintf("%s %s %s", name, value, x.choices(config.Index(0)))
	case ValidationFailed:
		if _, why, ok := strings.Cut(x.Details, " - "); ok {
			return name + ": " + why
		}
		return name + " was refused by the node"
	}
	return x.plain()
}

// received is the value as Python prints it. NaN and Infinity are not in the
// JSON, but ComfyUI's words hold them.
func (x InputError) received(info pyjson.Value) string {
	v := info.Get("received_value")
	if v.Kind != pyjson.Null {
		return pyjson.Repr(v)
	}
	word := x.Message
	if x.Type == NotConvertible {
		word = strings.TrimPrefix(x.Details, pyjson.Str(info.Get("input_name"))+", ")
	}
	word, _, _ = strings.Cut(strings.TrimPrefix(word, "Value "), ",")
	if word, _, _ = strings.Cut(word, " "); word == "nan" || word == "inf" || word == "-inf" {
		return word
	}
	return "null"
}

func (x InputError) plain() string {
	if x.Details == "" {
		return x.Message
	}
	return x.Message + ": " + x.Details
}

// exception words the Python exceptions that graphs cause most.
func (x InputError) exception(kind string) string {
	switch {
	case x.Details == "'inputs'":
		return "it has no inputs"
	case kind == "KeyError":
		return "a link leads to node " + x.Details + ", which does not exist"
	case kind == "IndexError":
		return "a link leads to an output that does not exist"
	}
	return fmt.Sprintf("it cannot be checked: %s (%s)", x.Details, kind)
}

// kinds is a type for people: a combo's list of options is long.
func kinds(v pyjson.Value) string {
	if v.Kind == pyjson.Array {
		return "one of " + choices(v)
	}
	return pyjson.Str(v)
}

// choices are the options that a value is not among. Long lists are not sent:
// only their length is.
func (x InputError) choices(options pyjson.Value) string {
	if options.Kind == pyjson.Array {
		if options.Len() == 0 {
			return "cannot be chosen: there is nothing to choose from"
		}
		return "is not one of " + choices(options)
	}
	if _, rest, ok := strings.Cut(x.Details, "(list of length "); ok {
		return "is not one of the " + strings.TrimSuffix(rest, ")") + " choices"
	}
	return "is not one of the choices"
}

func choices(options pyjson.Value) string {
	var all []string
	for o := range options.Items() {
		all = append(all, pyjson.Str(o))
	}
	return strings.Join(all, ", ")
}
