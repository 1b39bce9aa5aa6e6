package decode

// frame makes the picture of what all scans gave.
func (j *jpegFile) frame() (Frame, error) {
	out := Frame{Width: j.width, Height: j.height, RGB: make([]byte, 3*j.width*j.height)}
	for _, c := range j.components {
		if err := c.samples(j.r); err != nil {
			return out, err
		}
	}
	lines := make([][]byte, len(j.components))
	for i := range lines {
		lines[i] = make([]byte, j.width+2*j.maxH)
	}
	convert := j.colours()
	for y := range j.height {
		for i, c := range j.components {
			c.line(lines[i], y, j.maxH/c.h, j.maxV/c.v, j.maxH%c.h == 0 && j.maxV%c.v == 0, j)
		}
		convert(out.RGB[3*y*j.width:3*(y+1)*j.width], lines)
	}
	return out, j.r.check()
}

// row is a row of real samples, the last one repeated below the picture.
func (c *jpegComponent) row(y int) []byte {
	y = max(0, min(y, c.sampH-1))
	return c.pix[8*y*c.blocksX:][:c.sampleW]
}

// line makes row y of the full picture from a component's samples.
func (c *jpegComponent) line(out []byte, y, h, v int, whole bool, j *jpegFile) {
	if !whole {
		in := c.row(y * c.v / j.maxV)
		for x := range j.width {
			out[x] = in[min(x*c.h/j.maxH, len(in)-1)]
		}
		return
	}
	in := c.row(y / v)
	near := c.row(y/v + 1) // the row that is nearer than the others but for in
	if y%2 == 0 {
		near = c.row(y/v - 1)
	}
	switch {
	case h == 1 && v == 1:
		copy(out, in)
	case h == 2 && v == 1 && len(in) > 2:
		wide(out, in)
	case h == 2 && v == 2 && len(in) > 2:
		square(out, in, near)
	case h == 1 && v == 2:
		bias := 1 + y%2
		for x := range in {
			out[x] = byte((3*int(in[x]) + int(near[x]) + bias) >> 2)
		}
	default:
		for x := range j.width {
			out[x] = in[x/h]
		}
	}
}

// wide doubles a row: three parts of the nearer sample, one of the next.
func wide(out, in []byte) {
	n := len(in)
	out[0] = in[0]
	out[1] = byte((3*int(in[0]) + int(in[1]) + 2) >> 2)
	for x := 1; x < n-1; x++ {
		v := 3 * int(in[x])
		out[2*x] = byte((v + int(in[x-1]) + 1) >> 2)
		out[2*x+1] = byte((v + int(in[x+1]) + 2) >> 2)
	}
	out[2*n-2] = byte((3*int(in[n-1]) + int(in[n-2]) + 1) >> 2)
	out[2*n-1] = in[n-1]
}

// square doubles in both directions.
func square(out, in, near []byte) {
	n := len(in)
	sum := func(x int) int { return 3*int(in[x]) + int(near[x]) }
	out[0] = byte((4*sum(0) + 8) >> 4)
	out[1] = byte((3*sum(0) + sum(1) + 7) >> 4)
	for x := 1; x < n-1; x++ {
		v := 3 * sum(x)
		out[2*x] = byte((v + sum(x-1) + 8) >> 4)
		out[2*x+1] = byte((v + sum(x+1) + 7) >> 4)
	}
	out[2*n-2] = byte((3*sum(n-1) + sum(n-2) + 8) >> 4)
	out[2*n-1] = byte((4*sum(n-1) + 7) >> 4)
}

// colours is how a row of the components becomes RGB.
func (j *jpegFile) colours() func(out []byte, in [][]byte) {
	switch len(j.components) {
	case 1:
		return func(out []byte, in [][]byte) {
			for x := range len(out) / 3 {
				v := in[0][x]
				out[3*x], out[3*x+1], out[3*x+2] = v, v, v
			}
		}
	case 3:
		if j.plain() {
			return func(out []byte, in [][]byte) {
				for x := range len(out) / 3 {
					out[3*x], out[3*x+1], out[3*x+2] = in[0][x], in[1][x], in[2][x]
				}
			}
		}
		return func(out []byte, in [][]byte) {
			for x := range len(out) / 3 {
				out[3*x], out[3*x+1], out[3*x+2] = ycc(in[0][x], in[1][x], in[2][x])
			}
		}
	}
	return j.cmyk
}

// plain reports whether three components are RGB.
func (j *jpegFile) plain() bool {
	switch {
	case j.jfif:
		return false
	case j.adobe >= 0:
		return j.adobe == 0
	}
	c := j.components
	return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
}

// ycc is libjpeg's conversion, 16 bits of fraction.
func ycc(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y), int32(cb)-128, int32(cr)-128
	const half = 1 << 15
	return clamp(l + (91881*v+half)>>16), clamp(l + (-22554*u-46802*v+half)>>16), clamp(l + (116130*u+half)>>16)
}

// cmyk is for four components: inks, or YCC and black; with Adobe's marker they
// are written upside down.
func (j *jpegFile) cmyk(out []byte, in [][]byte) {
	for x := range len(out) / 3 {
		c, m, y, k := in[0][x], in[1][x], in[2][x], in[3][x]
		if j.adobe == 2 {
			c, m, y = ycc(c, m, y)
			c, m, y = 255-c, 255-m, 255-y
		}
		if j.adobe >= 0 {
			c, m, y, k = 255-c, 255-m, 255-y, 255-k
		}
		for i, ink := range [3]byte{c, m, y} {
			light := 255 - int32(k)
			out[3*x+i] = clamp(light - product(int32(ink), light))
		}
	}
}

// product is a·b/255, rounded.
func product(a, b int32) int32 {
	t := a*b + 128
	return (t>>8 + t) >> 8
}
