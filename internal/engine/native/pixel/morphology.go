package pixel

// extreme says which of two values a window keeps.
type extreme func(a, b float32) bool

func larger(a, b float32) bool  { return a > b }
func smaller(a, b float32) bool { return a < b }

// windowed gives every pixel the extreme of the window from before rows and
// columns in front of it to after behind it; what lies outside the picture
// does not count. Channels stay apart.
func (w *Work) windowed(src *Image, before, after int, keep extreme) (*Image, error) {
	across, err := w.New(src.N, src.H, src.W, src.C)
	if err != nil {
		return nil, err
	}
	out, err := w.New(src.N, src.H, src.W, src.C)
	if err != nil {
		return nil, err
	}
	if len(src.Pix) == 0 {
		return out, nil
	}
	before, after = min(before, max(src.W, src.H)), min(after, max(src.W, src.H))
	stride := src.W * src.C
	err = w.rows(src.N*src.H, 4*stride, func(row int) {
		for k := range src.C {
			slide(across.Pix[row*stride+k:], src.Pix[row*stride+k:], src.W, src.C, before, after, keep)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, w.rows(src.N*stride, 8*src.H, func(column int) {
		i := column/stride*src.H*stride + column%stride
		slide(out.Pix[i:], across.Pix[i:], src.H, stride, before, after, keep)
	})
}

// slide does one line of n values, stride apart: a queue of places holds the
// candidates, best first.
func slide(to, from []float32, n, stride, before, after int, keep extreme) {
	queue := make([]int32, 0, min(n, before+after+1)+1)
	next := 0
	for i := range n {
		for ; next < n && next <= i+after; next++ {
			v := from[next*stride]
			for len(queue) > 0 && !keep(from[int(queue[len(queue)-1])*stride], v) {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, int32(next))
		}
		if int(queue[0]) < i-before {
			queue = queue[1:]
		}
		to[i*stride] = from[int(queue[0])*stride]
	}
}

func (w *Work) erode(src *Image, size int) (*Image, error) {
	return w.windowed(src, size/2, size-size/2-1, smaller)
}

// dilate mirrors the window of erode, which shows with even sizes.
func (w *Work) dilate(src *Image, size int) (*Image, error) {
	return w.windowed(src, size-size/2-1, size/2, larger)
}

// Morphology does one operation with a flat square of size × size.
func (w *Work) Morphology(src *Image, operation string, size int) (*Image, error) {
	if size < 1 {
		return nil, raise("RuntimeError", "Trying to create tensor with negative dimension %d: [%d, %d]", size, size, size)
	}
	first, second, rest := w.erode, w.dilate, func(_, opened, _ *Image) *Image { return opened }
	switch operation {
	case "erode":
		return w.erode(src, size)
	case "dilate":
		return w.dilate(src, size)
	case "open":
	case "close":
		first, second = w.dilate, w.erode
	case "gradient":
		grown, err := w.dilate(src, size)
		if err != nil {
			return nil, err
		}
		shrunk, err := w.erode(src, size)
		if err != nil {
			return nil, err
		}
		return w.minus(grown, shrunk)
	case "top_hat":
		rest = func(src, opened, out *Image) *Image { return subtract(out, src, opened) }
	case "bottom_hat":
		first, second = w.dilate, w.erode
		rest = func(src, closed, out *Image) *Image { return subtract(out, closed, src) }
	default:
		return nil, raise("ValueError", "Invalid operation %s for morphology. Must be one of 'erode', 'dilate', 'open', 'close', 'gradient', 'tophat', 'bottomhat'", operation)
	}
	half, err := first(src, size)
	if err != nil {
		return nil, err
	}
	whole, err := second(half, size)
	if err != nil {
		return nil, err
	}
	return rest(src, whole, half), w.Err()
}

func (w *Work) minus(a, b *Image) (*Image, error) { return subtract(a, a, b), w.Err() }

// subtract writes a − b to out, which may be one of them.
func subtract(out, a, b *Image) *Image {
	for i := range out.Pix {
		out.Pix[i] = a.Pix[i] - b.Pix[i]
	}
	return out
}

// Grow lets a mask grow by as many pixels, or shrink when negative: a pixel a
// step to the four neighbours, without tapered corners to all eight.
func (w *Work) Grow(mask *Image, expand int, tapered bool) (*Image, error) {
	keep, steps := extreme(larger), expand
	if expand < 0 {
		keep, steps = smaller, -expand
	}
	steps = min(steps, mask.W+mask.H) // by then every pixel has reached every other
	if !tapered {
		return w.windowed(mask, steps, steps, keep)
	}
	// A diamond of radius r is one of radius a ≥ r − a seen from the place
	// itself and from r − a steps away in four directions.
	from, err := w.each(mask, func(v float32) float32 { return v })
	if err != nil || steps == 0 {
		return from, err
	}
	to, err := w.New(mask.N, mask.H, mask.W, 1)
	if err != nil {
		return nil, err
	}
	for radius := 0; radius < steps; {
		step := min(max(radius, 1), steps-radius)
		err := w.rows(mask.N*mask.H, 8*mask.W, func(row int) {
			n, y := row/mask.H, row%mask.H
			line, out := from.Row(n, y), to.Row(n, y)
			above, below := from.Row(n, max(y-step, 0)), from.Row(n, min(y+step, mask.H-1))
			for x, v := range line {
				for _, other := range [...]float32{line[max(x-step, 0)], line[min(x+step, mask.W-1)], above[x], below[x]} {
					if keep(other, v) {
						v = other
					}
				}
				out[x] = v
			}
		})
		if err != nil {
			return nil, err
		}
		from, to, radius = to, from, radius+step
	}
	return from, nil
}
