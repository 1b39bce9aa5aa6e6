package node

// empties make pictures out of nothing.
var empties = []Class{
	{
		Name: "EmptyImage", Display: "EmptyImage", Category: "image", Module: "nodes", Function: "generate",
		Inputs: []Input{
			input("width", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("height", "INT", `"default":512,"min":1,"max":16384,"step":1`),
			input("batch_size", "INT", `"default":1,"min":1,"max":4096`),
			input("color", "INT", `"default":0,"min":0,"max":16777215,"step":1,"display":"color"`),
		},
		Outputs: []Output{out("IMAGE")},
		Run: func(c *Call) ([]Value, error) {
			batch, color := 1, 0
			if c.Has("batch_size") {
				batch = c.Int("batch_size")
			}
			if c.Has("color") {
				color = c.Int("color")
			}
			m, err := c.New(batch, c.Int("height"), c.Int("width"), 3)
			if err != nil {
				return nil, err
			}
			if color == 0 {
				return []Value{m}, nil
			}
			rgb := [3]float32{}
			for i := range rgb {
				rgb[i] = float32(color>>(16-8*i)&0xff) / 255
			}
			for n := range m.N * m.H {
				row := m.Row(n/m.H, n%m.H)
				for i := 0; i < len(row); i += 3 {
					copy(row[i:], rgb[:])
				}
				if err := c.Err(); err != nil {
					return nil, err
				}
			}
			return []Value{m}, nil
		},
	},
}
