package node

// primitives give the value they were given.
var primitives = []Class{
	primitive("PrimitiveString", "String", "STRING", `"multiline":false`),
	primitive("PrimitiveStringMultiline", "String (Multiline)", "STRING", `"multiline":true`),
	primitive("PrimitiveInt", "Int", "INT", `"min":-9223372036854775807,"max":9223372036854775807,"control_after_generate":true`),
	primitive("PrimitiveFloat", "Float", "FLOAT", `"min":-9223372036854775807,"max":9223372036854775807`),
	primitive("PrimitiveBoolean", "Boolean", "BOOLEAN", ""),
}

func primitive(name, display, kind, options string) Class {
	return Class{
		Name: name, Display: display, Category: "utils/primitive", Module: "comfy_extras.nodes_primitive", V3: true,
		Inputs:  []Input{input("value", kind, options)},
		Outputs: []Output{out(kind)},
		Run:     func(c *Call) ([]Value, error) { return []Value{c.Value("value")}, nil },
	}
}
