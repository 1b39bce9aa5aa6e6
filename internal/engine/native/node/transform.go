package node

import (
	"strings"

	"github.com/settee/settee/internal/engine/native/pixel"
)

// transforms move pixels about (protocol note 5.3.3).
var transforms = []Class{
	{
		Name: "ImageCrop", Display: "Image Crop", Category: "image/transform", Module: "comfy_extras.nodes_images", Function: "crop",
		Inputs: []Input{
			input("image", "IMAGE"),
			input("width", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("height", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("x", "INT", `"default":0,"min":0,"max":16384,"step":1`),
			input("y", "INT", `"default":0,"min":0,"max":16384,"step":1`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("image")
			x, y := min(c.Int("x"), m.W-1), min(c.Int("y"), m.H-1)
			return one(c.Crop(m, x, y, x+c.Int("width"), y+c.Int("height")))
		},
	},
	{
		Name: "ImageFlip", Display: "ImageFlip", Category: "image/transform", Module: "comfy_extras.nodes_images", Function: "flip",
		Inputs:  []Input{input("image", "IMAGE"), choice("flip_method", []string{"x-axis: vertically", "y-axis: horizontally"})},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			switch method := c.String("flip_method"); {
			case strings.HasPrefix(method, "x"):
				return one(c.FlipRows(c.Image("image")))
			case strings.HasPrefix(method, "y"):
				return one(c.FlipColumns(c.Image("image")))
			}
			return []Value{c.Image("image")}, nil
		},
	},
	{
		Name: "ImageRotate", Display: "ImageRotate", Category: "image/transform", Module: "comfy_extras.nodes_images", Function: "rotate",
		Inputs:  []Input{input("image", "IMAGE"), choice("rotation", []string{"none", "90 degrees", "180 degrees", "270 degrees"})},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			quarters := 0
			for i, prefix := range []string{"90", "180", "270"} {
				if strings.HasPrefix(c.String("rotation"), prefix) {
					quarters = i + 1
				}
			}
			return one(c.Rotate(c.Image("image"), quarters))
		},
	},
	{
		Name: "ImageStitch", Display: "Image Stitch", Category: "image/transform", Module: "comfy_extras.nodes_images", Function: "stitch",
		About: "Puts image2 beside image1, with a space between them if wanted. Without image2 it gives image1.",
		Inputs: []Input{
			input("image1", "IMAGE"),
			choice("direction", []string{"right", "down", "left", "up"}, `"default":"right"`),
			input("match_image_size", "BOOLEAN", `"default":true`),
			input("spacing_width", "INT", `"default":0,"min":0,"max":1024,"step":2`),
			choice("spacing_color", []string{"white", "black", "red", "green", "blue"}, `"default":"white"`),
			optional(input("image2", "IMAGE")),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			if !c.Has("image2") {
				return []Value{c.Image("image1")}, nil
			}
			return one(c.Stitch(c.Image("image1"), c.Image("image2"), pixel.Stitching{
				Direction: c.String("direction"), Match: c.Bool("match_image_size"),
				Spacing: c.Int("spacing_width"), Colour: c.String("spacing_color"),
			}))
		},
	},
	{
		Name: "ImagePadForOutpaint", Display: "Pad Image for Outpainting", Category: "image", Module: "nodes", Function: "expand_image",
		Inputs: []Input{
			input("image", "IMAGE"),
			input("left", "INT", `"default":0,"min":0,"max":16384,"step":8`),
			input("top", "INT", `"default":0,"min":0,"max":16384,"step":8`),
			input("right", "INT", `"default":0,"min":0,"max":16384,"step":8`),
			input("bottom", "INT", `"default":0,"min":0,"max":16384,"step":8`),
			input("feathering", "INT", `"default":40,"min":0,"max":16384,"step":1`),
		},
		Outputs: []Output{out("IMAGE"), out("MASK")},
		Run: func(c *Call) ([]Value, error) {
			return two(c.PadForOutpaint(c.Image("image"), c.Int("left"), c.Int("top"), c.Int("right"), c.Int("bottom"), c.Int("feathering")))
		},
	},
	{
		Name: "ResizeAndPadImage", Display: "ResizeAndPadImage", Category: "image/transform", Module: "comfy_extras.nodes_images", Function: "resize_and_pad",
		Inputs: []Input{
			input("image", "IMAGE"),
			input("target_width", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("target_height", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			choice("padding_color", []string{"white", "black"}),
			choice("interpolation", []string{"area", "bicubic", "nearest-exact", "bilinear", "lanczos"}),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			ground := float32(1)
			if c.String("padding_color") == "black" {
				ground = 0
			}
			return one(c.ResizeAndPad(c.Image("image"), c.Int("target_width"), c.Int("target_height"), ground, pixel.Method(c.String("interpolation"))))
		},
	},
}
