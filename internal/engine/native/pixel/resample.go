package pixel

import "math"

// Method is how a picture gets its new size.
type Method string

// The methods of the scaling nodes.
const (
	Nearest  Method = "nearest-exact"
	Bilinear Method = "bilinear"
	Area     Method = "area"
	Bicubic  Method = "bicubic"
	Lanczos  Method = "lanczos"
)

// Resize gives every picture width × height. With center, what sticks out of
// the new shape is cut off on both sides first.
func (w *Work) Resize(src *Image, width, height int, method Method, center bool) (*Image, error) {
	if center {
		var err error
		if src, err = w.centred(src, width, height); err != nil {
			return nil, err
		}
	}
	if width <= 0 || height <= 0 || src.W <= 0 || src.H <= 0 {
		return nil, raise("RuntimeError", "Input and output sizes should be greater than 0, but got input (H: %d, W: %d) output (H: %d, W: %d)",
			src.H, src.W, height, width)
	}
	if err := w.take(32 * (int64(width) + int64(height))); err != nil { // for the taps
		return nil, err
	}
	if method == Lanczos {
		return w.lanczos(src, width, height)
	}
	var xs, ys taps
	switch method {
	case Nearest:
		xs, ys = nearestTaps(src.W, width), nearestTaps(src.H, height)
	case Area:
		return w.area(src, width, height)
	case Bilinear:
		if src.C > 3 || width+height <= 128 {
			return w.flat(src, linearTaps(src.W, width, fusedPlace), linearTaps(src.H, height, fusedPlace))
		}
		xs, ys = linearTaps(src.W, width, place), linearTaps(src.H, height, place)
	case Bicubic:
		xs, ys = cubicTaps(src.W, width), cubicTaps(src.H, height)
	default:
		return nil, raise("NotImplementedError", "Input Error: Only 3D, 4D and 5D input Tensors supported (got 4D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got %s)", method)
	}
	return w.sample(src, xs, ys)
}

// centred is the window of src that has the shape of width × height. The same
// is cut on both sides, so that it may be a pixel short.
func (w *Work) centred(src *Image, width, height int) (*Image, error) {
	if src.H == 0 || height == 0 {
		return nil, raise("ZeroDivisionError", "division by zero")
	}
	x, y := 0, 0
	oldAspect := float64(src.W) / float64(src.H)
	newAspect := float64(width) / float64(height)
	if oldAspect > newAspect {
		x = int(math.RoundToEven((float64(src.W) - float64(src.W)*(newAspect/oldAspect)) / 2))
	} else if oldAspect < newAspect {
		y = int(math.RoundToEven((float64(src.H) - float64(src.H)*(oldAspect/newAspect)) / 2))
	}
	if x == 0 && y == 0 {
		return src, nil
	}
	return w.Crop(src, x, y, src.W-x, src.H-y)
}

// taps says for each place along an axis which places of the source it mixes,
// and how much of each: count entries for each.
type taps struct {
	count  int
	index  []int32
	weight []float32
}

func (t taps) of(i int) (index []int32, weight []float32) {
	return t.index[i*t.count : (i+1)*t.count], t.weight[i*t.count : (i+1)*t.count]
}

func newTaps(out, count int) taps {
	return taps{count: count, index: make([]int32, out*count), weight: make([]float32, out*count)}
}

func nearestTaps(in, out int) taps {
	t := newTaps(out, 1)
	scale := float32(in) / float32(out)
	for i := range out {
		at := int(math.Floor(float64(float32((float64(i) + 0.5) * float64(scale)))))
		t.index[i], t.weight[i] = int32(min(at, in-1)), 1
	}
	return t
}

// place is where the middle of an output place falls in the source; fusedPlace
// is the same, rounded once.
func place(scale float32, i int) float32      { return float32(scale*(float32(i)+0.5)) - 0.5 }
func fusedPlace(scale float32, i int) float32 { return fused(scale, float32(i)+0.5, -0.5) }

func linearTaps(in, out int, place func(scale float32, i int) float32) taps {
	t := newTaps(out, 2)
	scale := float32(in) / float32(out)
	for i := range out {
		p := max(place(scale, i), 0)
		at := min(int(p), in-1)
		far := min(max(p-float32(at), 0), 1)
		t.index[2*i], t.index[2*i+1] = int32(at), int32(min(at+1, in-1))
		t.weight[2*i], t.weight[2*i+1] = 1-far, far
	}
	return t
}

func cubicTaps(in, out int) taps {
	t := newTaps(out, 4)
	scale := float32(in) / float32(out)
	for i := range out {
		p := fusedPlace(scale, i)
		at := min(int(math.Floor(float64(p))), in-1)
		far := min(max(p-float32(at), 0), 1)
		near := 1 - far
		for j, weight := range [4]float32{cubicOuter(far + 1), cubicInner(far), cubicInner(near), cubicOuter(near + 1)} {
			t.index[4*i+j] = int32(min(max(at-1+j, 0), in-1))
			t.weight[4*i+j] = weight
		}
	}
	return t
}

// The two pieces of the cubic convolution with A = −0.75.
func cubicInner(x float32) float32 {
	const a = -0.75
	return float32(float32((float32((a+2)*x)-(a+3))*x)*x) + 1
}

func cubicOuter(x float32) float32 {
	const a = -0.75
	return float32((float32((float32(a*x)-5*a)*x)+8*a)*x) - 4*a
}

// sample mixes pixels along the rows, then down the columns.
func (w *Work) sample(src *Image, xs, ys taps) (*Image, error) {
	width, height, c := len(xs.index)/xs.count, len(ys.index)/ys.count, src.C
	across, err := w.New(src.N, src.H, width, c)
	if err != nil {
		return nil, err
	}
	err = w.rows(src.N*src.H, width*c*xs.count, func(row int) {
		from, to := src.Row(0, row), across.Row(0, row)
		for x := range width {
			at, weight := xs.of(x)
			for k := range c {
				sum := float32(from[int(at[0])*c+k] * weight[0])
				if len(at) > 1 {
					sum = fused(from[int(at[0])*c+k], weight[0], float32(from[int(at[1])*c+k]*weight[1]))
					for i := 2; i < len(at); i++ {
						sum = fused(from[int(at[i])*c+k], weight[i], sum)
					}
				}
				to[x*c+k] = sum
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out, err := w.New(src.N, height, width, c)
	if err != nil {
		return nil, err
	}
	return out, w.rows(src.N*height, width*c*ys.count, func(row int) {
		n, y := row/height, row%height
		at, weight := ys.of(y)
		to, first := out.Row(n, y), across.Row(n, int(at[0]))
		if len(at) == 1 {
			copy(to, first)
			return
		}
		second := across.Row(n, int(at[1]))
		for x := range to {
			to[x] = fused(first[x], weight[0], float32(second[x]*weight[1]))
		}
		for j := 2; j < len(at); j++ {
			for x, v := range across.Row(n, int(at[j])) {
				to[x] = fused(v, weight[j], to[x])
			}
		}
	})
}

// flat sums the four products of a bilinear pixel in one go, as the server
// does for pictures of more than three channels and for small results.
func (w *Work) flat(src *Image, xs, ys taps) (*Image, error) {
	width, height, c := len(xs.index)/2, len(ys.index)/2, src.C
	out, err := w.New(src.N, height, width, c)
	if err != nil {
		return nil, err
	}
	return out, w.rows(src.N*height, 4*width*c, func(row int) {
		n, y := row/height, row%height
		rows, down := ys.of(y)
		to, upper, lower := out.Row(n, y), src.Row(n, int(rows[0])), src.Row(n, int(rows[1]))
		for x := range width {
			at, along := xs.of(x)
			l, r := int(at[0])*c, int(at[1])*c
			for k := range c {
				sum := fused(upper[l+k], float32(down[0]*along[0]), float32(upper[r+k]*float32(down[0]*along[1])))
				sum = fused(lower[l+k], float32(down[1]*along[0]), sum)
				to[x*c+k] = fused(lower[r+k], float32(down[1]*along[1]), sum)
			}
		}
	})
}

// area is the plain mean of the window that each new pixel covers.
func (w *Work) area(src *Image, width, height int) (*Image, error) {
	out, err := w.New(src.N, height, width, src.C)
	if err != nil {
		return nil, err
	}
	c := src.C
	cost := width * c * (src.W/width + 1) * (src.H/height + 1)
	return out, w.rows(src.N*height, cost, func(row int) {
		n, y := row/height, row%height
		to := out.Row(n, y)
		top, bottom := y*src.H/height, ((y+1)*src.H+height-1)/height
		for x := range width {
			left, right := x*src.W/width, ((x+1)*src.W+width-1)/width
			for k := range c {
				var sum float32
				for yy := top; yy < bottom; yy++ {
					line := src.Row(n, yy)
					for xx := left; xx < right; xx++ {
						sum += line[xx*c+k]
					}
				}
				to[x*c+k] = sum / float32(bottom-top) / float32(right-left)
			}
		}
	})
}
