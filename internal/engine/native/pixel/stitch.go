package pixel

// Stitching says how two pictures are put side by side.
type Stitching struct {
	Direction string // right, left, down, up: where the second one goes
	Match     bool   // give the second the first one's height (or width)
	Spacing   int    // pixels between them, rounded up to even
	Colour    string // of the spacing: white, black, red, green, blue
}

var spacingColours = map[string][3]float32{
	"white": {1, 1, 1}, "black": {0, 0, 0}, "red": {1, 0, 0}, "green": {0, 1, 0}, "blue": {0, 0, 1},
}

// Stitch puts b beside a. A shorter batch repeats its last picture; a missing
// channel is 1; without Match the smaller picture is centred on the spacing's
// grey value.
func (w *Work) Stitch(a, b *Image, how Stitching) (*Image, error) {
	beside := how.Direction == "left" || how.Direction == "right"
	n := max(a.N, b.N)
	a, err := w.lengthen(a, n)
	if err == nil {
		b, err = w.lengthen(b, n)
	}
	if err == nil && how.Match {
		aspect := float64(b.W) / float64(b.H)
		if beside {
			b, err = w.Resize(b, int(float64(a.H)*aspect), a.H, Lanczos, false)
		} else {
			b, err = w.Resize(b, a.W, int(float64(a.W)/aspect), Lanczos, false)
		}
	}
	if err != nil {
		return nil, err
	}
	colour, ok := spacingColours[how.Colour]
	if !ok {
		return nil, raise("KeyError", "'%s'", how.Colour)
	}
	if !how.Match {
		ground := float32(0)
		if how.Colour == "white" {
			ground = 1
		}
		width, height := max(a.W, b.W), max(a.H, b.H)
		if a, err = w.levelled(a, width, height, beside, ground); err != nil {
			return nil, err
		}
		if b, err = w.levelled(b, width, height, beside, ground); err != nil {
			return nil, err
		}
	}
	parts := []*Image{a, b}
	if how.Direction == "left" || how.Direction == "up" {
		parts = []*Image{b, a}
	}
	gap := max(0, how.Spacing)
	gap += gap % 2
	return w.joined(parts[0], parts[1], beside, gap, colour)
}

func (w *Work) lengthen(m *Image, n int) (*Image, error) {
	if m.N == n {
		return m, nil
	}
	if m.N == 0 {
		return nil, raise("RuntimeError", "Sizes of tensors must match except in dimension 2. Expected size %d but got size 0 for tensor number 1 in the list.", n)
	}
	parts := []*Image{m}
	for len(parts) <= n-m.N {
		parts = append(parts, m.Frame(m.N-1))
	}
	return w.Concat(parts...)
}

// levelled centres a picture on the longer side of two that are put together.
func (w *Work) levelled(m *Image, width, height int, beside bool, ground float32) (*Image, error) {
	switch {
	case beside && m.H < height:
		return w.Paste(m, m.W, height, 0, (height-m.H)/2, ground)
	case !beside && m.W < width:
		return w.Paste(m, width, m.H, (width-m.W)/2, 0, ground)
	}
	return m, nil
}

// joined writes first, a gap and second into one picture.
func (w *Work) joined(first, second *Image, beside bool, gap int, colour [3]float32) (*Image, error) {
	width, height := first.W, first.H+gap+second.H
	if beside {
		width, height = first.W+gap+second.W, first.H
	}
	out, err := w.New(first.N, height, width, max(first.C, second.C))
	if err != nil {
		return nil, err
	}
	for i := range out.Pix {
		if k := i % out.C; k < 3 {
			out.Pix[i] = colour[k]
		} else {
			out.Pix[i] = 1
		}
	}
	out.lay(first, 0, 0)
	if beside {
		out.lay(second, first.W+gap, 0)
	} else {
		out.lay(second, 0, first.H+gap)
	}
	return out, w.Err()
}

// lay writes every picture of src into m's at (x, y); a channel that src lacks
// becomes 1.
func (m *Image) lay(src *Image, x, y int) {
	for n := range src.N {
		for row := range src.H {
			from, to := src.Row(n, row), m.Row(n, y+row)[x*m.C:]
			for i := range src.W {
				copied := copy(to[i*m.C:(i+1)*m.C], from[i*src.C:(i+1)*src.C])
				for ; copied < m.C; copied++ {
					to[i*m.C+copied] = 1
				}
			}
		}
	}
}
