package node

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Definitions is the object_info object of the classes, keys in ComfyUI's
// order. Lists of files are empty: they differ from account to account.
func Definitions(classes []Class) json.RawMessage {
	var w definer
	w.object(func() {
		for i := range classes {
			w.key(classes[i].Name)
			w.class(&classes[i])
		}
	})
	return w.Bytes()
}

// definer writes JSON; commas come by themselves.
type definer struct{ bytes.Buffer }

func (w *definer) comma() {
	if b := w.Bytes(); len(b) > 0 && b[len(b)-1] != '{' && b[len(b)-1] != '[' && b[len(b)-1] != ':' {
		w.WriteByte(',')
	}
}

func (w *definer) object(members func()) {
	w.comma()
	w.WriteByte('{')
	members()
	w.WriteByte('}')
}

func (w *definer) key(name string) {
	w.text(name)
	w.WriteByte(':')
}

func (w *definer) raw(s string) {
	w.comma()
	w.WriteString(s)
}

func (w *definer) text(s string) {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string can be written
	}
	w.raw(string(b))
}

func (w *definer) list(n int, item func(i int)) {
	w.comma()
	w.WriteByte('[')
	for i := range n {
		item(i)
	}
	w.WriteByte(']')
}

func (w *definer) texts(all []string) { w.list(len(all), func(i int) { w.text(all[i]) }) }

func (w *definer) flag(name string, v bool) {
	w.key(name)
	w.raw(strconv.FormatBool(v))
}

func (w *definer) class(c *Class) {
	var required, optional []Input
	for _, in := range c.Inputs {
		if in.Optional {
			optional = append(optional, in)
		} else {
			required = append(required, in)
		}
	}
	w.object(func() {
		w.key("input")
		w.object(func() {
			w.inputs(c, "required", required, true)
			w.inputs(c, "optional", optional, false)
			if len(c.Hidden) > 0 {
				w.key("hidden")
				w.object(func() {
					for _, h := range c.Hidden {
						w.key(h.Name)
						w.text(h.Type)
					}
				})
			}
		})
		w.key("input_order")
		w.object(func() {
			w.order("required", required, true)
			w.order("optional", optional, false)
			if len(c.Hidden) > 0 {
				w.key("hidden")
				w.list(len(c.Hidden), func(i int) { w.text(c.Hidden[i].Name) })
			}
		})
		w.outputs(c)
		w.key("name")
		w.text(c.Name)
		w.key("display_name")
		if c.Display == "" {
			w.raw("null")
		} else {
			w.text(c.Display)
		}
		w.key("description")
		w.text(c.About)
		w.key("python_module")
		w.text(c.Module)
		w.key("category")
		w.text(c.Category)
		w.flag("output_node", c.OutputNode)
		switch {
		case c.V3:
			w.flag("deprecated", false)
			w.flag("experimental", c.Experimental)
			w.flag("api_node", false)
		case c.Experimental:
			w.flag("experimental", true)
		}
	})
}

func (w *definer) inputs(c *Class, section string, all []Input, always bool) {
	if len(all) == 0 && !always {
		return
	}
	w.key(section)
	w.object(func() {
		for _, in := range all {
			w.key(in.Name)
			w.input(c, in)
		}
	})
}

func (w *definer) input(c *Class, in Input) {
	newer := c.V3 || in.Braces && in.Type == "COMBO"
	w.list(1, func(int) {
		if in.Type == "COMBO" && !newer {
			w.texts(in.Choices)
		} else {
			w.text(in.Type)
		}
		if !newer && in.Options == "" && !in.Braces && !in.Lazy {
			return
		}
		w.object(func() {
			if in.Options != "" {
				w.raw(in.Options)
			}
			if in.Lazy {
				w.flag("lazy", true)
			}
			if in.Type == "COMBO" && c.V3 {
				w.flag("multiselect", false)
				w.key("options")
				w.texts(in.Choices)
			}
		})
	})
}

func (w *definer) order(section string, all []Input, always bool) {
	if len(all) == 0 && !always {
		return
	}
	w.key(section)
	w.list(len(all), func(i int) { w.text(all[i].Name) })
}

func (w *definer) outputs(c *Class) {
	w.key("output")
	w.list(len(c.Outputs), func(i int) { w.text(c.Outputs[i].Type) })
	w.key("output_is_list")
	w.list(len(c.Outputs), func(i int) { w.raw(strconv.FormatBool(c.Outputs[i].List)) })
	w.key("output_name")
	w.list(len(c.Outputs), func(i int) {
		if name := c.Outputs[i].Name; name != "" {
			w.text(name)
		} else {
			w.text(c.Outputs[i].Type)
		}
	})
	if c.V3 {
		w.key("output_tooltips")
		w.list(len(c.Outputs), func(int) { w.raw("null") })
	}
}
