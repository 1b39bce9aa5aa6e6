package pixel

import "math"

// Canny finds edges: white lines of one pixel on black, three equal channels.
// What exceeds high is an edge, and what exceeds low and touches one.
func (w *Work) Canny(src *Image, low, high float64) (*Image, error) {
	if low > high {
		return nil, raise("Exception", "Invalid input thresholds. low_threshold should be smaller than the high_threshold. Got: %v>%v", low, high)
	}
	grey, err := w.luma(src)
	if err != nil {
		return nil, err
	}
	out, err := w.New(src.N, src.H, src.W, 3)
	if err != nil {
		return nil, err
	}
	if err := w.take(4 * 4 * int64(src.H) * int64(src.W)); err != nil {
		return nil, err
	}
	for n := range src.N {
		p := plane{src.W, src.H, grey.Frame(n).Pix}
		smooth, err := w.smoothed(p)
		if err != nil {
			return nil, err
		}
		strength, direction, err := w.gradient(smooth)
		if err != nil {
			return nil, err
		}
		marks, err := w.thinned(strength, direction, float32(low), float32(high))
		if err != nil {
			return nil, err
		}
		strength.connect(marks)
		to := out.Frame(n).Pix
		for i, m := range marks {
			if m == edge {
				to[3*i], to[3*i+1], to[3*i+2] = 1, 1, 1
			}
		}
		if err := w.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// luma is the weighted grey of RGB; a picture of one channel is taken as it is.
func (w *Work) luma(src *Image) (*Image, error) {
	if src.C == 1 {
		return src, nil
	}
	if src.C != 3 {
		return nil, raise("RuntimeError", "Given groups=1, weight of size [8, 1, 3, 3], expected input[%d, %d, %d, %d] to have 1 channels, but got %d channels instead", src.N, src.C, src.H, src.W, src.C)
	}
	out, err := w.New(src.N, src.H, src.W, 1)
	if err != nil {
		return nil, err
	}
	for i := range out.Pix {
		out.Pix[i] = float32(red*src.Pix[3*i]) + float32(green*src.Pix[3*i+1]) + float32(blue*src.Pix[3*i+2])
	}
	return out, nil
}

// plane is one channel of one picture.
type plane struct {
	w, h int
	v    []float32
}

// smoothed blurs by a Gaussian of five places and sigma 1, edges mirrored.
func (w *Work) smoothed(p plane) (plane, error) {
	var line [5]float32
	var sum float32
	for i := range line {
		x := float64(i - 2)
		line[i] = float32(math.Exp(-x * x / 2))
		sum += line[i]
	}
	for i := range line {
		line[i] /= sum
	}
	fold := func(i, n int) int {
		if n == 1 {
			return 0
		}
		return mirror(min(max(i, 1-n), 2*n-2), n)
	}
	across, out := make([]float32, len(p.v)), make([]float32, len(p.v))
	err := w.rows(p.h, 8*p.w, func(y int) {
		for x := range p.w {
			var acc float32
			for i, weight := range line {
				acc = fused(p.v[y*p.w+fold(x+i-2, p.w)], weight, acc)
			}
			across[y*p.w+x] = acc
		}
	})
	if err != nil {
		return plane{}, err
	}
	return plane{p.w, p.h, out}, w.rows(p.h, 8*p.w, func(y int) {
		for x := range p.w {
			var acc float32
			for i, weight := range line {
				acc = fused(across[fold(y+i-2, p.h)*p.w+x], weight, acc)
			}
			out[y*p.w+x] = acc
		}
	})
}

// step is a direction of 45° multiples: 0 to the right, 2 down.
var steps = [8][2]int{{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}}

// gradient is by Sobel's weights, edges repeated: its strength, and its
// direction as a place in steps.
func (w *Work) gradient(p plane) (strength plane, direction []uint8, err error) {
	strength = plane{p.w, p.h, make([]float32, len(p.v))}
	direction = make([]uint8, len(p.v))
	return strength, direction, w.rows(p.h, 16*p.w, func(y int) {
		above, below := max(y-1, 0)*p.w, min(y+1, p.h-1)*p.w
		for x := range p.w {
			l, r, row := max(x-1, 0), min(x+1, p.w-1), y*p.w
			a, b, c := p.v[above+l], p.v[above+x], p.v[above+r]
			d, f := p.v[row+l], p.v[row+r]
			g, h, i := p.v[below+l], p.v[below+x], p.v[below+r]
			dx := -a + c - 2*d + 2*f - g + i
			dy := -a - 2*b - c + g + 2*h + i
			strength.v[row+x] = float32(math.Sqrt(float64(float32(dx*dx) + float32(dy*dy) + 1e-6)))
			angle := float32(math.Atan2(float64(dy), float64(dx))) * float32(180/math.Pi)
			direction[row+x] = uint8(int(math.RoundToEven(float64(angle/45)))+8) % 8
		}
	})
}

// mark is what a pixel may be.
type mark uint8

const (
	nothing mark = iota
	maybe
	edge
)

// thinned keeps a pixel when it is stronger than its neighbours along the
// gradient; being equal is enough beside the right one and above the lower one.
// Outside the picture there is no gradient.
func (w *Work) thinned(p plane, direction []uint8, low, high float32) ([]mark, error) {
	none := float32(math.Sqrt(float64(float32(1e-6))))
	marks := make([]mark, len(p.v))
	at := func(x, y int) float32 {
		if x < 0 || y < 0 || x >= p.w || y >= p.h {
			return none
		}
		return p.v[y*p.w+x]
	}
	return marks, w.rows(p.h, 8*p.w, func(y int) {
		for x := range p.w {
			i := y*p.w + x
			v := p.v[i]
			if v <= low {
				continue
			}
			top := true
			for _, k := range [2]uint8{direction[i], (direction[i] + 4) % 8} {
				other := at(x+steps[k][0], y+steps[k][1])
				inside := x+steps[k][0] < p.w && y+steps[k][1] < p.h
				tie := (k == 0 || k == 2) && inside && v == other
				if v <= other && !tie {
					top = false
				}
			}
			switch {
			case !top:
			case v > high:
				marks[i] = edge
			default:
				marks[i] = maybe
			}
		}
	})
}

// connect turns every maybe that touches an edge, however far along, into one.
func (p plane) connect(marks []mark) {
	var open []int
	for i, m := range marks {
		if m == edge {
			open = append(open, i)
		}
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		for _, s := range steps {
			x, y := i%p.w+s[0], i/p.w+s[1]
			if x < 0 || y < 0 || x >= p.w || y >= p.h {
				continue
			}
			if j := y*p.w + x; marks[j] == maybe {
				marks[j] = edge
				open = append(open, j)
			}
		}
	}
}
