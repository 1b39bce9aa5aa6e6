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
		xs, ys = linearTaps(src.W, width), linearTaps(src.H, height)
	case Bicubic:
		xs, ys = cubicTaps(src.W, width), cubicTaps(src.H, height)
	default:
		return nil, raise("NotImplementedError", "Input Error: Only 3D, 4D and 5D input Tensors supported (got 4D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got %s)", method)
	}
	return w.sample(src, width, height, xs, ys, method == Bilinear && src.C > 3)
}

// centred is the window of src that has the shape of width × height. The same
// is cut on both sides, so that it may be a pixel short.
func (w *Work) centred(src *Image, width, height int) (*Image, error) {
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

// place is where the middle of an output place falls in the source.
func place(scale float32, i int) float32 { return fused(scale, float32(i)+0.5, -0.5) }

func linearTaps(in, out int) taps {
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
		p := place(scale, i)
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
	return fused(float32(fused(a+2, x, -(a+3))*x), x, 1)
}

func cubicOuter(x float32) float32 {
	const a = -0.75
	return fused(fused(fused(a, x, -5*a), x, 8*a), x, -4*a)
}

// sample mixes pixels: first along the row, then down the column. With flat
// the four products of a bilinear pixel are summed in one go, as the server
// does for pictures of more than three channels.
func (w *Work) sample(src *Image, width, height int, xs, ys taps, flat bool) (*Image, error) {
	out, err := w.New(src.N, height, width, src.C)
	if err != nil {
		return nil, err
	}
	c := src.C
	return out, w.rows(src.N*height, width*c*xs.count*ys.count, func(row int) {
		n, y := row/height, row%height
		to := out.Row(n, y)
		for x := range width {
			for k := range c {
				if flat {
					to[x*c+k] = flatPixel(src, n, xs, ys, x, y, k)
					continue
				}
				var sum float32
				for j := range ys.count {
					line := src.Row(n, int(ys.index[y*ys.count+j]))
					var inner float32
					for i := range xs.count {
						v, weight := line[int(xs.index[x*xs.count+i])*c+k], xs.weight[x*xs.count+i]
						if i == 0 {
							inner = float32(v * weight)
						} else {
							inner = fused(v, weight, inner)
						}
					}
					if j == 0 {
						sum = float32(inner * ys.weight[y*ys.count])
					} else {
						sum = fused(inner, ys.weight[y*ys.count+j], sum)
					}
				}
				to[x*c+k] = sum
			}
		}
	})
}

func flatPixel(src *Image, n int, xs, ys taps, x, y, k int) float32 {
	var sum float32
	for j := range 2 {
		line := src.Row(n, int(ys.index[2*y+j]))
		for i := range 2 {
			v := line[int(xs.index[2*x+i])*src.C+k]
			weight := float32(ys.weight[2*y+j] * xs.weight[2*x+i])
			if i+j == 0 {
				sum = float32(v * weight)
			} else {
				sum = fused(v, weight, sum)
			}
		}
	}
	return sum
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
