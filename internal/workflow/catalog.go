package workflow

import (
	"errors"
	"fmt"

	"github.com/settee/settee/internal/pyjson"
)

// Catalog is the node classes that an engine can run, from its object_info
// (protocol note 1.6). It does not change once it is made.
type Catalog struct {
	names   []string
	classes map[string]*Class
}

// Class is the definition of a node class.
type Class struct {
	Name    string
	Output  bool           // an output node: it is run for its own sake
	V3      bool           // defined the new way, which words some errors otherwise
	Slots   []pyjson.Value // types of its outputs: strings, or lists of options
	Inputs  []Declared     // required ones, then optional ones, as defined
	Display string         // display_name; may be empty
}

// Declared is an input as its class declares it.
type Declared struct {
	Name     string
	Required bool
	Type     pyjson.Value // a string, or the list of options of a V1 combo
	Options  pyjson.Value // an object; Absent when there is none

	kind  string          // Type when it is a string
	file  string          // what kind of file it names: "image", "video", "audio", …; "" for other inputs
	texts map[string]bool // options that are strings; nil: no combo
	odd   []pyjson.Value  // options that are no strings

	min, max pyjson.Value // of Options
}

// ParseCatalog reads an object_info object: classes of both ways of defining,
// in their order. A class that cannot be understood is an error.
func ParseCatalog(objectInfo []byte) (*Catalog, error) {
	root, err := pyjson.Parse(objectInfo)
	if err != nil {
		return nil, fmt.Errorf("node definitions: %w", err)
	}
	if root.Kind != pyjson.Object {
		return nil, errors.New("node definitions: not an object")
	}
	members := root.Members()
	c := &Catalog{classes: make(map[string]*Class, len(members))}
	for _, m := range members {
		class, err := parseClass(m.Key, m.Value)
		if err != nil {
			return nil, fmt.Errorf("node definitions: class %s: %w", m.Key, err)
		}
		c.names = append(c.names, m.Key)
		c.classes[m.Key] = class
	}
	return c, nil
}

// Class is the definition of that name.
func (c *Catalog) Class(name string) (*Class, bool) {
	class, ok := c.classes[name]
	return class, ok
}

// Names lists the classes in the order of the definitions. It is not to be
// changed.
func (c *Catalog) Names() []string { return c.names }

func parseClass(name string, def pyjson.Value) (*Class, error) {
	if def.Kind != pyjson.Object {
		return nil, errors.New("not an object")
	}
	c := &Class{
		Name:    name,
		Output:  def.Get("output_node").Truthy(),
		V3:      def.Get("api_node").Kind == pyjson.Bool && def.Get("experimental").Kind == pyjson.Bool && def.Get("deprecated").Kind == pyjson.Bool,
		Display: def.Get("display_name").Text(),
	}
	switch out := def.Get("output"); out.Kind {
	case pyjson.Array:
		for slot := range out.Items() {
			c.Slots = append(c.Slots, slot)
		}
	case pyjson.String:
		c.Slots = []pyjson.Value{out}
	}
	input := def.Get("input")
	required := map[string]bool{}
	for _, section := range []string{"required", "optional"} {
		for _, m := range input.Get(section).Members() {
			if required[m.Key] {
				continue
			}
			d, err := declare(m.Key, m.Value)
			if err != nil {
				return nil, fmt.Errorf("input %s: %w", m.Key, err)
			}
			d.Required = section == "required"
			required[m.Key] = true
			d.file = fileKind(name, &d)
			c.Inputs = append(c.Inputs, d)
		}
	}
	return c, nil
}

// declare reads a [type] or [type, options].
func declare(name string, spec pyjson.Value) (Declared, error) {
	d := Declared{Name: name, Type: spec.Index(0)}
	if o := spec.Index(1); o.Kind == pyjson.Object {
		d.Options, d.min, d.max = o, o.Get("min"), o.Get("max")
	}
	switch d.Type.Kind {
	case pyjson.String:
		d.kind = d.Type.Text()
		if d.kind == "COMBO" {
			d.list(d.Options.Get("options"))
		}
	case pyjson.Array:
		d.list(d.Type)
	default:
		return d, errors.New("its type is neither a name nor a list of options")
	}
	return d, nil
}

// list notes a combo's options.
func (d *Declared) list(options pyjson.Value) {
	if options.Kind != pyjson.Array {
		return
	}
	d.texts = map[string]bool{}
	for option := range options.Items() {
		if option.Kind == pyjson.String {
			d.texts[option.Text()] = true
		} else {
			d.odd = append(d.odd, option)
		}
	}
}

// offers reports whether v is one of a V1 combo's options, as Python's `in`
// finds it.
func (d *Declared) offers(v pyjson.Value) bool {
	if v.Kind == pyjson.String {
		return d.texts[v.Text()]
	}
	for _, o := range d.odd {
		if pyjson.Equal(v, o) {
			return true
		}
	}
	return false
}

// config is the declaration as errors show it: [type, options].
func (d *Declared) config() []byte {
	out := append([]byte{'['}, pyjson.Strict(d.Type)...)
	out = append(out, ", "...)
	if d.Options.Kind == pyjson.Absent {
		return append(out, "{}]"...)
	}
	return append(append(out, pyjson.Strict(d.Options)...), ']')
}
