package node

import (
	"slices"

	"github.com/settee/settee"
)

var channels = []string{"red", "green", "blue", "alpha"}

// masks make and change masks (protocol note 5.3.5).
var masks = []Class{
	{
		Name: "SolidMask", Display: "SolidMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "solid",
		Inputs: []Input{
			input("value", "FLOAT", `"default":1.0,"min":0.0,"max":1.0,"step":0.01`),
			input("width", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("height", "INT", `"default":512,"min":1,"max":16384,"step":1`),
		},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Solid(c.Int("width"), c.Int("height"), 1, float32(c.Float("value"))))
		},
	},
	{
		Name: "InvertMask", Display: "InvertMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "invert",
		Inputs:  []Input{input("mask", "MASK")},
		Outputs: []Output{out("MASK")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Invert(c.Mask("mask"))) },
	},
	{
		Name: "CropMask", Display: "CropMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "crop",
		Inputs: []Input{
			input("mask", "MASK"),
			input("x", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("y", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("width", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("height", "INT", `"default":512,"min":1,"max":16384,"step":1`),
		},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			x, y := c.Int("x"), c.Int("y")
			return one(c.Crop(c.Mask("mask"), x, y, x+c.Int("width"), y+c.Int("height")))
		},
	},
	{
		Name: "ThresholdMask", Display: "ThresholdMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "image_to_mask",
		Inputs:  []Input{input("mask", "MASK"), input("value", "FLOAT", `"default":0.5,"min":0.0,"max":1.0,"step":0.01`)},
		Outputs: []Output{out("MASK")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Threshold(c.Mask("mask"), c.Float("value"))) },
	},
	{
		Name: "MaskComposite", Display: "MaskComposite", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "combine",
		Inputs: []Input{
			input("destination", "MASK"), input("source", "MASK"),
			input("x", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("y", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			choice("operation", []string{"multiply", "add", "subtract", "and", "or", "xor"}),
		},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.MaskComposite(c.Mask("destination"), c.Mask("source"), c.Int("x"), c.Int("y"), c.String("operation")))
		},
	},
	{
		Name: "FeatherMask", Display: "FeatherMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "feather",
		Inputs: []Input{
			input("mask", "MASK"),
			input("left", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("top", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("right", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("bottom", "INT", `"default":0,"min":0,"max":16384,"step":1`),
		},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Feather(c.Mask("mask"), c.Int("left"), c.Int("top"), c.Int("right"), c.Int("bottom")))
		},
	},
	{
		Name: "GrowMask", Display: "GrowMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "expand_mask",
		Inputs: []Input{
			input("mask", "MASK"),
			input("expand", "INT", `"default":0,"min":-16384,"max":16384,"step":1`),
			input("tapered_corners", "BOOLEAN", `"default":true`),
		},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Grow(c.Mask("mask"), c.Int("expand"), c.Bool("tapered_corners")))
		},
	},
	{
		Name: "ImageToMask", Display: "Convert Image to Mask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "image_to_mask",
		Inputs:  []Input{input("image", "IMAGE"), choice("channel", channels)},
		Outputs: []Output{out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			k := slices.Index(channels, c.String("channel"))
			if k < 0 {
				return nil, Raise("ValueError", "'%s' is not in list", c.String("channel"))
			}
			return one(c.Channel(c.Image("image"), k))
		},
	},
	{
		Name: "MaskToImage", Display: "Convert Mask to Image", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "mask_to_image",
		Inputs:  []Input{input("mask", "MASK")},
		Outputs: []Output{out("IMAGE")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Grey(c.Mask("mask"))) },
	},
	{
		Name: "ImageColorToMask", Display: "ImageColorToMask", Category: "mask", Module: "comfy_extras.nodes_mask", Function: "image_to_mask",
		Inputs:  []Input{input("image", "IMAGE"), input("color", "INT", `"default":0,"min":0,"max":16777215,"step":1,"display":"color"`)},
		Outputs: []Output{out("MASK")},
		Run:     func(c *Call) ([]Value, error) { return one(c.ColourMask(c.Image("image"), c.Int("color"))) },
	},
	{
		Name: "MaskPreview", Display: "MaskPreview", Category: "mask", Module: "comfy_extras.nodes_mask",
		About:  "Shows a mask without keeping it.",
		Inputs: []Input{input("mask", "MASK")},
		Hidden: metadata, OutputNode: true,
		Run: func(c *Call) ([]Value, error) {
			grey, err := c.Grey(c.Mask("mask"))
			if err != nil {
				return nil, err
			}
			return nil, c.save(grey, settee.Temp, c.temporary(), smallFile)
		},
	},
}
