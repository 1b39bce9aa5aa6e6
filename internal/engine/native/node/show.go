package node

import (
	"fmt"

	"github.com/settee/settee/internal/pyjson"
)

// shows make values visible.
var shows = []Class{
	{
		Name: "PreviewAny", Display: "Preview Any", Category: "utils", Module: "comfy_extras.nodes_preview_any", Function: "main",
		Inputs:     []Input{{Name: "source", Type: "*", Braces: true}},
		OutputNode: true,
		Run: func(c *Call) ([]Value, error) {
			text := ""
			switch v := c.Value("source").(type) {
			case pyjson.Value:
				text = string(pyjson.Dump(v))
			default:
				text = Str(v)
			}
			c.AddUI("text", textEntry(text))
			return nil, nil
		},
	},
	{
		Name: "GetImageSize", Display: "Get Image Size", Category: "image", Module: "comfy_extras.nodes_images", Function: "get_size",
		About:  "Gives the images' width and height and how many there are.",
		Inputs: []Input{input("image", "IMAGE")},
		Hidden: []Hidden{{"unique_id", "UNIQUE_ID"}},
		Outputs: []Output{
			named("width", "INT"), named("height", "INT"), named("batch_size", "INT"),
		},
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("image")
			if err := c.Tell(fmt.Sprintf("width: %d, height: %d\n batch size: %d", m.W, m.H, m.N)); err != nil {
				return nil, err
			}
			return []Value{m.W, m.H, m.N}, nil
		},
	},
}
