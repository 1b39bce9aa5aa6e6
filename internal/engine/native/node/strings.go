package node

import (
	"strings"
	"unicode/utf8"

	"github.com/settee/settee/internal/engine/native/pixel"
	"github.com/settee/settee/internal/engine/native/pystr"
)

// unbound is what Python raises when a mode is none that a class knows: newer
// classes do not check their choices before they run.
func unbound(name string) error {
	return Raise("UnboundLocalError", "cannot access local variable '%s' where it is not associated with a value", name)
}

func words(name string) Input { return input(name, "STRING", `"multiline":true`) }

func textClass(name, display string, result Output, run func(c *Call) (Value, error), inputs ...Input) Class {
	return Class{
		Name: name, Display: display, Category: "utils/string", Module: "comfy_extras.nodes_string", V3: true,
		Inputs: inputs, Outputs: []Output{result},
		Run: func(c *Call) ([]Value, error) { return one(run(c)) },
	}
}

// texts work on strings as Python does (protocol note 5.3.6).
var texts = []Class{
	textClass("StringConcatenate", "Concatenate", out("STRING"), func(c *Call) (Value, error) {
		return c.String("string_a") + c.String("delimiter") + c.String("string_b"), nil
	}, words("string_a"), words("string_b"), input("delimiter", "STRING", `"default":"","multiline":false`)),

	textClass("StringSubstring", "Substring", out("STRING"), func(c *Call) (Value, error) {
		text := []rune(c.String("string"))
		from, to := pixel.Slice(c.Int("start"), c.Int("end"), len(text))
		return string(text[from:to]), nil
	}, words("string"), Input{Name: "start", Type: "INT"}, Input{Name: "end", Type: "INT"}),

	textClass("StringLength", "Length", named("length", "INT"), func(c *Call) (Value, error) {
		return utf8.RuneCountInString(c.String("string")), nil
	}, words("string")),

	textClass("CaseConverter", "Case Converter", out("STRING"), func(c *Call) (Value, error) {
		switch s := c.String("string"); c.String("mode") {
		case "UPPERCASE":
			return pystr.Upper(s), nil
		case "lowercase":
			return pystr.Lower(s), nil
		case "Capitalize":
			return pystr.Capitalize(s), nil
		case "Title Case":
			return pystr.Title(s), nil
		default:
			return s, nil
		}
	}, words("string"), choice("mode", []string{"UPPERCASE", "lowercase", "Capitalize", "Title Case"})),

	textClass("StringTrim", "Trim", out("STRING"), func(c *Call) (Value, error) {
		switch s := c.String("string"); c.String("mode") {
		case "Both":
			return pystr.Trim(s, true, true), nil
		case "Left":
			return pystr.Trim(s, true, false), nil
		case "Right":
			return pystr.Trim(s, false, true), nil
		}
		return nil, unbound("result")
	}, words("string"), choice("mode", []string{"Both", "Left", "Right"})),

	textClass("StringReplace", "Replace", out("STRING"), func(c *Call) (Value, error) {
		text, find, with := c.String("string"), c.String("find"), c.String("replace")
		places := strings.Count(text, find)
		if err := c.take(int64(places) * int64(len(with))); err != nil {
			return nil, err
		}
		return strings.ReplaceAll(text, find, with), nil
	}, words("string"), words("find"), words("replace")),

	textClass("StringContains", "Contains", named("contains", "BOOLEAN"), func(c *Call) (Value, error) {
		text, part := c.String("string"), c.String("substring")
		if !c.Bool("case_sensitive") {
			text, part = pystr.Lower(text), pystr.Lower(part)
		}
		return strings.Contains(text, part), nil
	}, words("string"), words("substring"), input("case_sensitive", "BOOLEAN", `"default":true`)),

	textClass("StringCompare", "Compare", out("BOOLEAN"), func(c *Call) (Value, error) {
		a, b := c.String("string_a"), c.String("string_b")
		if !c.Bool("case_sensitive") {
			a, b = pystr.Lower(a), pystr.Lower(b)
		}
		switch c.String("mode") {
		case "Equal":
			return a == b, nil
		case "Starts With":
			return strings.HasPrefix(a, b), nil
		case "Ends With":
			return strings.HasSuffix(a, b), nil
		}
		return nil, unbound("result")
	}, words("string_a"), words("string_b"), choice("mode", []string{"Starts With", "Ends With", "Equal"}),
		input("case_sensitive", "BOOLEAN", `"default":true`)),
}
