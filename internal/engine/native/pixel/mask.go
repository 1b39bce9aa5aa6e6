package pixel

import "math"

// Invert is 1 − v for every value.
func (w *Work) Invert(src *Image) (*Image, error) {
	return w.each(src, func(v float32) float32 { return 1 - v })
}

// Threshold is 1 where a value is greater than the limit, else 0.
func (w *Work) Threshold(src *Image, limit float64) (*Image, error) {
	l := float32(limit)
	return w.each(src, func(v float32) float32 {
		if v > l {
			return 1
		}
		return 0
	})
}

// Channel is one channel as a mask.
func (w *Work) Channel(src *Image, k int) (*Image, error) {
	if k >= src.C {
		return nil, raise("IndexError", "index %d is out of bounds for dimension 3 with size %d", k, src.C)
	}
	return w.Channels(src, k, k+1)
}

// Grey is a mask as a picture of three equal channels.
func (w *Work) Grey(mask *Image) (*Image, error) {
	if mask.H*mask.W == 0 || mask.N == 0 {
		return nil, raise("RuntimeError", "cannot reshape tensor of 0 elements into shape [-1, 1, %d, %d] because the unspecified dimension size -1 can be any value and is ambiguous", mask.H, mask.W)
	}
	out, err := w.New(mask.N, mask.H, mask.W, 3)
	if err != nil {
		return nil, err
	}
	for i, v := range mask.Pix {
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = v, v, v
	}
	return out, w.Err()
}

// ColourMask is 1 where a pixel, rounded to bytes, is the colour 0xRRGGBB.
func (w *Work) ColourMask(src *Image, colour int) (*Image, error) {
	out, err := w.New(src.N, src.H, src.W, 1)
	if err != nil {
		return nil, err
	}
	near := func(v float32) int { return int(math.RoundToEven(float64(float32(clamp01(v) * 255)))) }
	for i := range out.Pix {
		p := src.Pix[i*src.C:]
		if near(p[0])<<16+near(p[1])<<8+near(p[2]) == colour {
			out.Pix[i] = 1
		}
	}
	return out, w.Err()
}

// Feather fades a mask in from each side. Right and bottom are off by one, as
// in the recorded version: they touch the first column or row and not the
// outermost one.
func (w *Work) Feather(mask *Image, left, top, right, bottom int) (*Image, error) {
	out, err := w.New(mask.N, mask.H, mask.W, 1)
	if err != nil {
		return nil, err
	}
	copy(out.Pix, mask.Pix)
	left, right = min(left, mask.W), min(right, mask.W)
	top, bottom = min(top, mask.H), min(bottom, mask.H)
	column := func(x int, rate float64) {
		for i := x; i < len(out.Pix); i += out.W {
			out.Pix[i] *= float32(rate)
		}
	}
	row := func(y int, rate float64) {
		for n := range out.N {
			line := out.Row(n, y)
			for x := range line {
				line[x] *= float32(rate)
			}
		}
	}
	for x := range left {
		column(x, float64(x+1)/float64(left))
	}
	for x := range right {
		column((out.W-x)%out.W, float64(x+1)/float64(right))
	}
	for y := range top {
		row(y, float64(y+1)/float64(top))
	}
	for y := range bottom {
		row((out.H-y)%out.H, float64(y+1)/float64(bottom))
	}
	return out, w.Err()
}

var maskOperations = map[string]func(d, s float32) float32{
	"multiply": func(d, s float32) float32 { return d * s },
	"add":      func(d, s float32) float32 { return d + s },
	"subtract": func(d, s float32) float32 { return d - s },
	"and":      func(d, s float32) float32 { return truth(solid(d) && solid(s)) },
	"or":       func(d, s float32) float32 { return truth(solid(d) || solid(s)) },
	"xor":      func(d, s float32) float32 { return truth(solid(d) != solid(s)) },
}

func solid(v float32) bool { return math.RoundToEven(float64(v)) != 0 }

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// MaskComposite lays source over destination at (x, y), clipped, by an
// operation on each pair; all of the result is clamped to 0…1.
func (w *Work) MaskComposite(destination, source *Image, x, y int, operation string) (*Image, error) {
	right, bottom := min(x+source.W, destination.W), min(y+source.H, destination.H)
	_, width := Slice(0, right-x, source.W)
	_, height := Slice(0, bottom-y, source.H)
	left, right := Slice(x, right, destination.W)
	top, bottom := Slice(y, bottom, destination.H)
	f, known := maskOperations[operation]
	if known {
		for _, d := range [...][3]int{{right - left, width, 2}, {bottom - top, height, 1}, {destination.N, source.N, 0}} {
			if d[0] != d[1] && d[0] != 1 && d[1] != 1 {
				return nil, mismatch(d[0], d[1], d[2])
			}
		}
	}
	if source.N != 1 && destination.N == 1 && known {
		return nil, raise("RuntimeError", "The expanded size of the tensor (1) must match the existing size (%d) at non-singleton dimension 0.  Target sizes: [1, %d, %d].  Tensor sizes: [%d, %d, %d]",
			source.N, bottom-top, right-left, source.N, height, width)
	}
	out, err := w.each(destination, func(v float32) float32 { return v })
	if err != nil {
		return nil, err
	}
	if known {
		width, height = min(width, right-left), min(height, bottom-top)
		for n := range out.N {
			for row := range height {
				to, from := out.Row(n, top+row)[left:], source.Row(n%source.N, row)
				for i := range width {
					to[i] = f(to[i], from[i])
				}
			}
		}
	}
	for i, v := range out.Pix {
		out.Pix[i] = clamp01(v)
	}
	return out, w.Err()
}
