package native_test

import (
	"encoding/json"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
)

// standIns do what the recorded custom nodes did; they show what the engine
// offers to classes beyond its own.
var standIns = []node.Class{
	{
		Name:    "RecordingSteps",
		Inputs:  []node.Input{{Name: "steps", Type: "INT"}, {Name: "delay", Type: "FLOAT"}, {Name: "preview", Type: "STRING"}, {Name: "fail_at", Type: "INT"}},
		Outputs: []node.Output{{Type: "IMAGE"}},
		Run: func(c *node.Call) ([]node.Value, error) {
			total := c.Int("steps")
			for i := range total {
				if i == c.Int("fail_at") {
					return nil, node.Raise("ValueError", "failed at step %d", i)
				}
				if err := c.Progress(float64(i+1), float64(total)); err != nil {
					return nil, err
				}
			}
			m, err := c.New(1, 8, 8, 3)
			return []node.Value{m}, err
		},
	},
	{
		Name:    "RecordingBlock",
		Inputs:  []node.Input{{Name: "value", Type: "*"}, {Name: "block", Type: "BOOLEAN"}, {Name: "message", Type: "STRING"}},
		Outputs: []node.Output{{Type: "*"}},
		Run: func(c *node.Call) ([]node.Value, error) {
			if c.Bool("block") {
				return []node.Value{&node.Blocker{Message: c.String("message")}}, nil
			}
			return []node.Value{c.Value("value")}, nil
		},
	},
	{
		Name:    "RecordingLazy",
		Inputs:  []node.Input{{Name: "pick", Type: "INT"}, {Name: "a", Type: "*", Lazy: true}, {Name: "b", Type: "*", Lazy: true}},
		Outputs: []node.Output{{Type: "*"}},
		NeedsInput: func(c *node.Call) ([]string, error) {
			return []string{[]string{"a", "b"}[c.Int("pick")]}, nil
		},
		Run: func(c *node.Call) ([]node.Value, error) {
			return []node.Value{c.Value([]string{"a", "b"}[c.Int("pick")])}, nil
		},
	},
	{
		Name:    "RecordingList",
		Inputs:  []node.Input{{Name: "count", Type: "INT"}},
		Outputs: []node.Output{{Type: "INT", List: true}, {Type: "IMAGE", List: true}},
		Run: func(c *node.Call) ([]node.Value, error) {
			var numbers, images node.List
			for i := range c.Int("count") {
				m, err := c.New(1, 8, 8, 3)
				if err != nil {
					return nil, err
				}
				numbers, images = append(numbers, i), append(images, m)
			}
			return []node.Value{numbers, images}, nil
		},
	},
	{
		Name:   "RecordingShow",
		Inputs: []node.Input{{Name: "value", Type: "*"}}, Hidden: []node.Hidden{{Name: "unique_id", Type: "UNIQUE_ID"}},
		OutputNode: true,
		Run: func(c *node.Call) ([]node.Value, error) {
			text := node.Str(c.Value("value"))
			if err := c.Tell("seen " + text); err != nil {
				return nil, err
			}
			quoted, err := json.Marshal(text)
			if err != nil {
				return nil, err
			}
			c.AddUI("text", engine.Entry{JSON: quoted})
			for _, n := range []string{"1", "2.5", "null", "true"} {
				c.AddUI("numbers", engine.Entry{JSON: json.RawMessage(n)})
			}
			c.AddUI("table", engine.Entry{JSON: json.RawMessage(`{"a":1}`)}, engine.Entry{JSON: json.RawMessage(`{"b":[1,2]}`)})
			return nil, nil
		},
	},
	{
		Name:        "RecordingGather",
		Inputs:      []node.Input{{Name: "values", Type: "*"}, {Name: "label", Type: "STRING"}},
		Outputs:     []node.Output{{Type: "STRING"}},
		InputIsList: true,
		Run: func(c *node.Call) ([]node.Value, error) {
			return []node.Value{list(c.List("label")) + " " + list(c.List("values"))}, nil
		},
	},
}

// list is Python's text of a list.
func list(values []node.Value) string {
	s := "["
	for i, v := range values {
		if i > 0 {
			s += ", "
		}
		if text, ok := v.(string); ok {
			s += pyjson.ReprText(text)
		} else {
			s += node.Str(v)
		}
	}
	return s + "]"
}
