package node

import (
	"math"

	"github.com/settee/settee/internal/engine/native/pixel"
)

var methods = []string{"nearest-exact", "bilinear", "area", "bicubic", "lanczos"}

// scales change how many pixels a picture has (protocol note 5.3.1).
var scales = []Class{
	{
		Name: "ImageScale", Display: "Upscale Image", Category: "image/upscaling", Module: "nodes", Function: "upscale",
		Inputs: []Input{
			input("image", "IMAGE"), choice("upscale_method", methods),
			input("width", "INT", `"default":512,"min":0,"max":16384,"step":1`),
			input("height", "INT", `"default":512,"min":0,"max":16384,"step":1`),
			choice("crop", []string{"disabled", "center"}),
		},
		Outputs: []Output{out("IMAGE")},
		Run:     scale,
	},
	{
		Name: "ImageScaleBy", Display: "Upscale Image By", Category: "image/upscaling", Module: "nodes", Function: "upscale",
		Inputs: []Input{
			input("image", "IMAGE"), choice("upscale_method", methods),
			input("scale_by", "FLOAT", `"default":1.0,"min":0.01,"max":8.0,"step":0.01`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m, by := c.Image("image"), c.Float("scale_by")
			return c.resized(m, float64(m.W)*by, float64(m.H)*by)
		},
	},
	{
		Name: "ImageScaleToTotalPixels", Category: "image/upscaling", Module: "comfy_extras.nodes_post_processing", V3: true,
		Inputs: []Input{
			input("image", "IMAGE"), choice("upscale_method", methods),
			input("megapixels", "FLOAT", `"default":1.0,"min":0.01,"max":16.0,"step":0.01`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("image")
			total := math.Trunc(c.Float("megapixels") * 1024 * 1024)
			by := math.Sqrt(total / float64(m.W*m.H))
			return c.resized(m, float64(m.W)*by, float64(m.H)*by)
		},
	},
	{
		Name: "ImageScaleToMaxDimension", Display: "ImageScaleToMaxDimension", Category: "image/upscaling", Module: "comfy_extras.nodes_images", Function: "upscale",
		Inputs: []Input{
			input("image", "IMAGE"),
			choice("upscale_method", []string{"area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"}),
			input("largest_size", "INT", `"default":512,"min":0,"max":16384,"step":1`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m, longest := c.Image("image"), float64(c.Int("largest_size"))
			width, height := longest, longest
			if m.H > m.W {
				width = float64(m.W) / float64(m.H) * longest
			} else if m.W > m.H {
				height = float64(m.H) / float64(m.W) * longest
			}
			return c.resized(m, width, height)
		},
	},
	{
		Name: "FluxKontextImageScale", Category: "advanced/conditioning/flux", Module: "comfy_extras.nodes_flux", V3: true,
		About:   "Gives a picture the nearest of the shapes that flux kontext was trained on.",
		Inputs:  []Input{input("image", "IMAGE")},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("image")
			width, height := kontextSize(m)
			return one(c.Resize(m, width, height, pixel.Lanczos, true))
		},
	},
}

// scale is ImageScale: a side of 0 follows the other one.
func scale(c *Call) ([]Value, error) {
	m, width, height := c.Image("image"), c.Int("width"), c.Int("height")
	if width == 0 && height == 0 {
		return []Value{m}, nil
	}
	if m.W == 0 || m.H == 0 {
		return nil, Raise("ZeroDivisionError", "division by zero")
	}
	if width == 0 {
		width = max(1, int(math.RoundToEven(float64(m.W)*float64(height)/float64(m.H))))
	} else if height == 0 {
		height = max(1, int(math.RoundToEven(float64(m.H)*float64(width)/float64(m.W))))
	}
	return one(c.Resize(m, width, height, pixel.Method(c.String("upscale_method")), c.String("crop") == "center"))
}

// resized rounds a size half to even and gives a picture that size.
func (c *Call) resized(m *pixel.Image, width, height float64) ([]Value, error) {
	w, h := math.RoundToEven(width), math.RoundToEven(height)
	if !(w <= math.MaxInt32 && h <= math.MaxInt32) {
		return nil, Raise("ZeroDivisionError", "division by zero")
	}
	return one(c.Resize(m, int(w), int(h), pixel.Method(c.String("upscale_method")), false))
}

// kontext are widths and heights in ascending width.
var kontext = [...][2]int{
	{672, 1568}, {688, 1504}, {720, 1456}, {752, 1392}, {800, 1328}, {832, 1248}, {880, 1184}, {944, 1104}, {1024, 1024},
	{1104, 944}, {1184, 880}, {1248, 832}, {1328, 800}, {1392, 752}, {1456, 720}, {1504, 688}, {1568, 672},
}

// kontextSize is the size whose shape is nearest to the picture's; of two the
// narrower.
func kontextSize(m *pixel.Image) (width, height int) {
	aspect := float64(m.W) / float64(max(1, m.H))
	least := math.Inf(1)
	for _, size := range kontext {
		if d := math.Abs(aspect - float64(size[0])/float64(size[1])); d < least {
			least, width, height = d, size[0], size[1]
		}
	}
	return width, height
}
