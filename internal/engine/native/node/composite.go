package node

import "github.com/settee/settee/internal/engine/native/pixel"

// composites put two pictures together (protocol note 5.3.4 and 5.3.5).
var composites = []Class{
	{
		Name: "ImageBlend", Category: "image/postprocessing", Module: "comfy_extras.nodes_post_processing", V3: true,
		Inputs: []Input{
			input("image1", "IMAGE"), input("image2", "IMAGE"),
			input("blend_factor", "FLOAT", `"default":0.5,"min":0.0,"max":1.0,"step":0.01`),
			choice("blend_mode", []string{"normal", "multiply", "screen", "overlay", "soft_light", "difference"}),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Blend(c.Image("image1"), c.Image("image2"), c.String("blend_mode"), c.Float("blend_factor")))
		},
	},
	{
		Name: "ImageCompositeMasked", Display: "ImageCompositeMasked", Category: "image", Module: "comfy_extras.nodes_mask", Function: "composite",
		Inputs: []Input{
			input("destination", "IMAGE"), input("source", "IMAGE"),
			input("x", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("y", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("resize_source", "BOOLEAN", `"default":false`),
			optional(input("mask", "MASK")),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			var mask *pixel.Image
			if c.Has("mask") {
				mask = c.Mask("mask")
			}
			return one(c.Composite(c.Image("destination"), c.Image("source"), c.Int("x"), c.Int("y"), c.Bool("resize_source"), mask))
		},
	},
	{
		Name: "PorterDuffImageComposite", Display: "Porter-Duff Image Composite", Category: "mask/compositing", Module: "comfy_extras.nodes_compositing", V3: true,
		Inputs: []Input{
			input("source", "IMAGE"), input("source_alpha", "MASK"),
			input("destination", "IMAGE"), input("destination_alpha", "MASK"),
			choice("mode", []string{
				"ADD", "CLEAR", "DARKEN", "DST", "DST_ATOP", "DST_IN", "DST_OUT", "DST_OVER", "LIGHTEN",
				"MULTIPLY", "OVERLAY", "SCREEN", "SRC", "SRC_ATOP", "SRC_IN", "SRC_OUT", "SRC_OVER", "XOR",
			}, `"default":"DST"`),
		},
		Outputs: []Output{out("IMAGE"), out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return two(c.PorterDuff(c.Image("source"), c.Mask("source_alpha"), c.Image("destination"), c.Mask("destination_alpha"), c.String("mode")))
		},
	},
	{
		Name: "JoinImageWithAlpha", Display: "Join Image with Alpha", Category: "mask/compositing", Module: "comfy_extras.nodes_compositing", V3: true,
		Inputs:  []Input{input("image", "IMAGE"), input("alpha", "MASK")},
		Outputs: []Output{out("IMAGE")},
		Run:     func(c *Call) ([]Value, error) { return one(c.JoinAlpha(c.Image("image"), c.Mask("alpha"))) },
	},
	{
		Name: "SplitImageWithAlpha", Display: "Split Image with Alpha", Category: "mask/compositing", Module: "comfy_extras.nodes_compositing", V3: true,
		Inputs:  []Input{input("image", "IMAGE")},
		Outputs: []Output{out("IMAGE"), out("MASK")},
		Run:     func(c *Call) ([]Value, error) { return two(c.SplitAlpha(c.Image("image"))) },
	},
}
