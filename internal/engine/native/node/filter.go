package node

// filters change the colours of a picture (protocol note 5.3.3 and 5.3.4).
var filters = []Class{
	{
		Name: "ImageInvert", Display: "Invert Image", Category: "image", Module: "nodes", Function: "invert",
		Inputs:  []Input{input("image", "IMAGE")},
		Outputs: []Output{out("IMAGE")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Invert(c.Image("image"))) },
	},
	{
		Name: "ImageBlur", Category: "image/postprocessing", Module: "comfy_extras.nodes_post_processing", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"),
			input("blur_radius", "INT", `"default":1,"min":1,"max":31,"step":1`),
			input("sigma", "FLOAT", `"default":1.0,"min":0.1,"max":10.0,"step":0.1`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Blur(c.Image("image"), c.Int("blur_radius"), c.Float("sigma")))
		},
	},
	{
		Name: "ImageSharpen", Category: "image/postprocessing", Module: "comfy_extras.nodes_post_processing", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"),
			input("sharpen_radius", "INT", `"default":1,"min":1,"max":31,"step":1`),
			input("sigma", "FLOAT", `"default":1.0,"min":0.1,"max":10.0,"step":0.01`),
			input("alpha", "FLOAT", `"default":1.0,"min":0.0,"max":5.0,"step":0.01`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Sharpen(c.Image("image"), c.Int("sharpen_radius"), c.Float("sigma"), c.Float("alpha")))
		},
	},
	{
		Name: "ImageQuantize", Category: "image/postprocessing", Module: "comfy_extras.nodes_post_processing", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"),
			input("colors", "INT", `"default":256,"min":1,"max":256,"step":1`),
			choice("dither", []string{"none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"}),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Quantize(c.Image("image"), c.Int("colors"), c.String("dither")))
		},
	},
	{
		Name: "ImageAddNoise", Display: "ImageAddNoise", Category: "image", Module: "comfy_extras.nodes_images", Function: "repeat",
		Inputs: []Input{
			input("image", "IMAGE"),
			input("seed", "INT", `"default":0,"min":0,"max":18446744073709551615,"control_after_generate":true`),
			input("strength", "FLOAT", `"default":0.5,"min":0.0,"max":1.0,"step":0.01`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.AddNoise(c.Image("image"), c.Seed("seed"), c.Float("strength")))
		},
	},
	{
		Name: "Morphology", Display: "ImageMorphology", Category: "image/postprocessing", Module: "comfy_extras.nodes_morphology", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"),
			choice("operation", []string{"erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"}),
			input("kernel_size", "INT", `"default":3,"min":3,"max":999,"step":1`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Morphology(c.Image("image"), c.String("operation"), c.Int("kernel_size")))
		},
	},
	{
		Name: "Canny", Category: "image/preprocessors", Module: "comfy_extras.nodes_canny", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"),
			input("low_threshold", "FLOAT", `"default":0.4,"min":0.01,"max":0.99,"step":0.01`),
			input("high_threshold", "FLOAT", `"default":0.8,"min":0.01,"max":0.99,"step":0.01`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.Canny(c.Image("image"), c.Float("low_threshold"), c.Float("high_threshold")))
		},
	},
	{
		Name: "ImageRGBToYUV", Category: "image/batch", Module: "comfy_extras.nodes_morphology", V3: true,
		Inputs:  []Input{input("image", "IMAGE")},
		Outputs: []Output{named("Y", "IMAGE"), named("U", "IMAGE"), named("V", "IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			y, u, v, err := c.ToYUV(c.Image("image"))
			return []Value{y, u, v}, err
		},
	},
	{
		Name: "ImageYUVToRGB", Category: "image/batch", Module: "comfy_extras.nodes_morphology", V3: true,
		Inputs:  []Input{input("Y", "IMAGE"), input("U", "IMAGE"), input("V", "IMAGE")},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			return one(c.FromYUV(c.Image("Y"), c.Image("U"), c.Image("V")))
		},
	},
}
