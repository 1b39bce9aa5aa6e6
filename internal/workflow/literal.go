package workflow

import (
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// literal judges a value that is no link: it is taken out of its wrapping,
// converted to the declared type (protocol note 3.4), and compared with the
// range or the options. What becomes of it is an edit.
func (j *judge) literal(v *visit, d *Declared, written pyjson.Value) error {
	value := written
	if inner := written.Get("__value__"); inner.Kind != pyjson.Absent {
		value = inner
		if value.Kind == pyjson.Array {
			if j.lists == nil {
				j.lists = map[int][]pyjson.Value{}
			}
			j.lists[v.node] = append(j.lists[v.node], value)
		}
	}
	converted, err := convert(d.kind, value)
	if err != nil {
		j.edit(written, value)
		v.add(NotConvertible, "Failed to convert an input value to a "+d.kind+" value",
			fmt.Sprintf("%s, %s, %s", d.Name, pyjson.Str(value), err),
			"input_name", quoted(d.Name), "input_config", d.config(), "received_value", pyjson.Strict(value), "exception_message", quoted(err.Error()))
		return nil
	}
	j.edit(written, converted)
	if d.file != "" {
		return nil // checkFiles looks at it when all inputs have been seen
	}
	return v.bounds(d, converted)
}

// edit notes that a literal is replaced.
func (j *judge) edit(written, value pyjson.Value) {
	if value.Same(written) {
		return
	}
	j.edits = append(j.edits, settee.Edit{Start: written.Start, End: written.End, Text: string(value.Raw())})
}

// convert does what ComfyUI does with the four types that it knows.
func convert(kind string, v pyjson.Value) (pyjson.Value, error) {
	switch kind {
	case "INT":
		return pyjson.ToInt(v)
	case "FLOAT":
		return pyjson.ToFloat(v)
	case "STRING":
		if v.Kind != pyjson.String {
			return pyjson.Of(string(pyjson.Quote(pyjson.Str(v)))), nil
		}
	case "BOOLEAN":
		if v.Kind != pyjson.Bool {
			if v.Truthy() {
				return pyjson.Of("true"), nil
			}
			return pyjson.Of("false"), nil
		}
	}
	return v, nil
}

// bounds compares a converted literal with the range and the options.
func (v *visit) bounds(d *Declared, value pyjson.Value) error {
	info := func() []any {
		return []any{"input_name", quoted(d.Name), "input_config", d.config(), "received_value", pyjson.Strict(value)}
	}
	if d.min.Kind != pyjson.Absent {
		below, err := pyjson.Less(value, d.min)
		if err != nil {
			return err
		}
		if below {
			v.add(TooSmall, fmt.Sprintf("Value %s smaller than min of %s", pyjson.Str(value), pyjson.Str(d.min)), d.Name, info()...)
			return nil
		}
	}
	if d.max.Kind != pyjson.Absent {
		above, err := pyjson.Greater(value, d.max)
		if err != nil {
			return err
		}
		if above {
			v.add(TooBig, fmt.Sprintf("Value %s bigger than max of %s", pyjson.Str(value), pyjson.Str(d.max)), d.Name, info()...)
			return nil
		}
	}
	if d.Type.Kind != pyjson.Array || d.offers(value) {
		return nil
	}
	list, more := pyjson.Repr(d.Type), info()
	if n := d.Type.Len(); n > 20 { // long lists are not sent back
		list = fmt.Sprintf("(list of length %d)", n)
		more[3] = []byte("null")
	}
	v.add(NotInList, "Value not in list", fmt.Sprintf("%s: '%s' not in %s", d.Name, pyjson.Str(value), list), more...)
	return nil
}
