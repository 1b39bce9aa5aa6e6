// Package node holds the classes the native engine runs: each class's
// definition beside its code, one file a family. A class sees its Call and
// nothing else: no graph, no cache, no account. Adding one is an element more
// in its family's list; adding a family is a line more in All.
//
// Values are shared by consumers and by the cache, so a class never changes
// what it was given.
package node

import (
	"slices"
	"strings"
)

// Class is a kind of node.
type Class struct {
	Name     string
	Display  string // display_name; empty on a V3 class: null
	Category string
	Module   string // python_module, as clients know it
	About    string // description, in our own words
	Function string // of the Python class, for error texts; empty: execute

	Inputs  []Input // required ones first
	Hidden  []Hidden
	Outputs []Output

	OutputNode   bool // its ui is what a job is run for
	InputIsList  bool // one call with whole lists; else a call an element
	V3           bool // the newer form of definition: combos say COMBO, options are always there
	Experimental bool

	// Run computes. It returns one value an output, or none. An *Error is what
	// ComfyUI would raise.
	Run func(c *Call) ([]Value, error)

	// Prints names the file input whose bytes count in the cache key and whose
	// SHA-256 stands in PNG text (ComfyUI's IS_CHANGED). Empty: none.
	Prints string

	// Always says that no two runs are equal, whatever the inputs.
	Always bool

	// NeedsInput names the lazy inputs that must be computed before Run. It
	// sees those that are there; a nil function needs them all.
	NeedsInput func(c *Call) ([]string, error)
}

// Input is a socket or a widget.
type Input struct {
	Name     string
	Type     string   // IMAGE, INT, …; COMBO with Choices
	Choices  []string // of a COMBO
	Options  string   // members of the options object, "" for none: `"default":512,"min":0`
	Braces   bool     // an old-form input with an options object although it is empty
	Optional bool
	Lazy     bool // computed only when NeedsInput asks
	File     bool // a choice of files: the pinned input's bytes are what it means
}

// Hidden is an input that the server fills in.
type Hidden struct{ Name, Type string }

// Output is a slot.
type Output struct {
	Name string // empty: the type
	Type string
	List bool // OUTPUT_IS_LIST: its value is a List
}

// Input finds an input by name; nil when the class has none.
func (c *Class) Input(name string) *Input {
	i := slices.IndexFunc(c.Inputs, func(in Input) bool { return in.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Inputs[i]
}

// Unique reports whether the node's id is part of its cache key.
func (c *Class) Unique() bool {
	return slices.ContainsFunc(c.Hidden, func(h Hidden) bool { return h.Type == "UNIQUE_ID" })
}

// The following build definitions shortly.

// input is a socket, or a widget with the options that are given: members of a
// JSON object.
func input(name, kind string, options ...string) Input {
	return Input{Name: name, Type: kind, Options: strings.Join(options, ",")}
}

// choice is a COMBO.
func choice(name string, choices []string, options ...string) Input {
	return Input{Name: name, Type: "COMBO", Choices: choices, Options: strings.Join(options, ",")}
}

// optional makes an input optional.
func optional(in Input) Input {
	in.Optional = true
	return in
}

// out is an output named like its type.
func out(kind string) Output { return Output{Type: kind} }

// named is an output with a name of its own.
func named(name, kind string) Output { return Output{Name: name, Type: kind} }

// listed makes an output a list.
func listed(o Output) Output {
	o.List = true
	return o
}

// metadata is what classes that write files have hidden.
var metadata = []Hidden{{"prompt", "PROMPT"}, {"extra_pnginfo", "EXTRA_PNGINFO"}}

// one makes a result of a single value.
func one[T any](v T, err error) ([]Value, error) {
	if err != nil {
		return nil, err
	}
	return []Value{v}, nil
}

// two makes a result of two values.
func two[A, B any](a A, b B, err error) ([]Value, error) {
	if err != nil {
		return nil, err
	}
	return []Value{a, b}, nil
}
