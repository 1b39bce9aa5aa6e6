package workflow

import (
	"fmt"
	"strings"

	"github.com/settee/settee/internal/pyjson"
)

// link judges a list that an input is set to. Follow asks for source to be
// judged first: its result then counts for v too.
func (j *judge) link(v *visit, d *Declared, value pyjson.Value) (source int, follow bool, err error) {
	if value.Len() != 2 {
		v.add(BadLink, "Bad linked input, must be a length-2 list of [node_id, slot_index]", d.Name,
			"input_name", quoted(d.Name), "input_config", d.config(), "received_value", pyjson.Strict(value))
		return 0, false, nil
	}
	if source, err = j.source(value.Index(0)); err != nil {
		return 0, false, err
	}
	received, err := j.classes[source].slot(value.Index(1))
	if err != nil {
		return 0, false, err
	}
	if !matches(received, d.Type) {
		v.add(TypeMismatch, "Return type mismatch between linked nodes",
			fmt.Sprintf("%s, received_type(%s) mismatch input_type(%s)", d.Name, pyjson.Str(received), pyjson.Str(d.Type)),
			"input_name", quoted(d.Name), "input_config", d.config(), "received_type", pyjson.Strict(received), "linked_node", pyjson.Strict(value))
		return 0, false, nil
	}
	switch j.results[source].state {
	case known:
		v.valid = v.valid && j.results[source].valid
	case open: // a cycle: nothing in it is valid, and nobody says why
		v.valid = false
	default:
		v.declared, v.link = d, value
		return source, true, nil
	}
	return 0, false, nil
}

// source is the node of that id: a string, since keys are.
func (j *judge) source(id pyjson.Value) (int, error) {
	switch id.Kind {
	case pyjson.Array, pyjson.Object:
		return 0, raise("TypeError", "unhashable type: '"+id.TypeName()+"'")
	case pyjson.String:
		if i, ok := j.g.index[id.Text()]; ok {
			return i, nil
		}
	}
	return 0, raise("KeyError", pyjson.Repr(id))
}

// slot is the type of an output, counted from the end when i is negative.
func (c *Class) slot(i pyjson.Value) (pyjson.Value, error) {
	sequence := "tuple"
	if c.V3 {
		sequence = "list"
	}
	if i.Kind != pyjson.Int && i.Kind != pyjson.Bool {
		return pyjson.Value{}, raise("TypeError", sequence+" indices must be integers or slices, not "+i.TypeName())
	}
	big := i.Big()
	if !big.IsInt64() {
		return pyjson.Value{}, raise("IndexError", "cannot fit 'int' into an index-sized integer")
	}
	n, slots := big.Int64(), int64(len(c.Slots))
	if n < 0 {
		n += slots
	}
	if n < 0 || n >= slots {
		return pyjson.Value{}, raise("IndexError", sequence+" index out of range")
	}
	return c.Slots[n], nil
}

// matches tells whether an output of one type may go into an input of another
// (protocol note 3.5): equal types, or names with one in common. The name * on
// either side goes with anything.
func matches(received, declared pyjson.Value) bool {
	r, d := received.Text(), declared.Text()
	if r == "*" || d == "*" || pyjson.Equal(received, declared) {
		return true
	}
	if received.Kind != pyjson.String || declared.Kind != pyjson.String {
		return false
	}
	for _, a := range strings.Split(r, ",") {
		for _, b := range strings.Split(d, ",") {
			if strings.TrimSpace(a) == strings.TrimSpace(b) {
				return true
			}
		}
	}
	return false
}
