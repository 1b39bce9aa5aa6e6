package node

import "github.com/settee/settee/internal/engine/native/pixel"

// batches join pictures and take them apart (protocol note 5.3.3).
var batches = []Class{
	{
		Name: "ImageBatch", Display: "Batch Images", Category: "image", Module: "nodes", Function: "batch",
		Inputs:  []Input{input("image1", "IMAGE"), input("image2", "IMAGE")},
		Outputs: []Output{out("IMAGE")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Batch(c.Image("image1"), c.Image("image2"))) },
	},
	{
		Name: "RepeatImageBatch", Display: "RepeatImageBatch", Category: "image/batch", Module: "comfy_extras.nodes_images", Function: "repeat",
		Inputs:  []Input{input("image", "IMAGE"), input("amount", "INT", `"default":1,"min":1,"max":4096`)},
		Outputs: []Output{out("IMAGE")},
		Run:     func(c *Call) ([]Value, error) { return one(c.Repeat(c.Image("image"), c.Int("amount"))) },
	},
	{
		Name: "ImageFromBatch", Display: "ImageFromBatch", Category: "image/batch", Module: "comfy_extras.nodes_images", Function: "frombatch",
		Inputs: []Input{
			input("image", "IMAGE"),
			input("batch_index", "INT", `"default":0,"min":0,"max":4095`),
			input("length", "INT", `"default":1,"min":1,"max":4096`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("image")
			index := min(m.N-1, c.Int("batch_index"))
			length := min(m.N-index, c.Int("length"))
			return []Value{m.Pick(pixel.Slice(index, index+length, m.N))}, nil
		},
	},
	{
		Name: "RebatchImages", Display: "Rebatch Images", Category: "image/batch", Module: "comfy_extras.nodes_rebatch", V3: true, InputIsList: true,
		Inputs:  []Input{input("images", "IMAGE"), input("batch_size", "INT", `"default":1,"min":1,"max":4096`)},
		Outputs: []Output{listed(out("IMAGE"))},
		Run:     rebatch,
	},
}

// rebatch lines up all pictures and cuts the line to batches of one size, the
// last of which may be shorter.
func rebatch(c *Call) ([]Value, error) {
	var frames []*pixel.Image
	for _, m := range c.Images("images") {
		for n := range m.N {
			frames = append(frames, m.Frame(n))
		}
	}
	size := c.Int("batch_size")
	if size < 1 {
		return nil, Raise("ValueError", "range() arg 3 must not be zero")
	}
	var out List
	for len(frames) > 0 {
		n := min(size, len(frames))
		m, err := c.Concat(frames[:n]...)
		if err != nil {
			return nil, err
		}
		out, frames = append(out, m), frames[n:]
	}
	return []Value{out}, nil
}
