package pixel

import "math"

// lanczos resizes as an imaging library does on bytes: pictures are quantised
// first, and each of the two passes rounds to a byte again.
func (w *Work) lanczos(src *Image, width, height int) (*Image, error) {
	if src.C == 1 {
		return nil, raise("TypeError", "Cannot handle this data type: (1, 1, 1), |u1")
	}
	out, err := w.New(src.N, height, width, src.C)
	if err != nil {
		return nil, err
	}
	scratch := int64(src.C) * (int64(src.H)*int64(src.W) + max(int64(src.H)*int64(width), int64(src.W)*int64(height)) + int64(height)*int64(width))
	if err := w.take(scratch); err != nil {
		return nil, err
	}
	across, down := lanczosTaps(src.W, width), lanczosTaps(src.H, height)
	// What loses much more height than width is shortened first.
	tall := height < src.H && src.H-height > 2*(src.W-width)
	for n := range src.N {
		bytes := quantised(src.Frame(n))
		same := width == src.W && height == src.H
		if src.C == 4 && !same {
			premultiply(bytes)
		}
		if tall {
			bytes, err = w.down(bytes, height, src.W*src.C, down)
		}
		if err == nil && width != src.W {
			bytes, err = w.across(bytes, len(bytes)/src.W/src.C, src.W, width, src.C, across)
		}
		if err == nil && height != src.H && !tall {
			bytes, err = w.down(bytes, height, width*src.C, down)
		}
		if err != nil {
			return nil, err
		}
		if src.C == 4 && !same {
			divideByAlpha(bytes)
		}
		to := out.Frame(n).Pix
		for i, v := range bytes {
			to[i] = float32(v) / 255
		}
	}
	return out, nil
}

// quantised are the bytes that a picture is saved as: cut, not rounded.
func quantised(m *Image) []byte {
	bytes := make([]byte, len(m.Pix))
	for i, v := range m.Pix {
		bytes[i] = Byte(v)
	}
	return bytes
}

// Byte is a value of 0…1 as it is saved: cut to 0…255, the fraction dropped.
func Byte(v float32) byte {
	scaled := float32(v * 255)
	switch {
	case scaled >= 255:
		return 255
	case scaled > 0:
		return byte(scaled)
	}
	return 0 // and what is not a number
}

// span is the window of one output place and its weights times 2²².
type span struct {
	from   int
	weight []int32
}

const lanczosBits = 22

func lanczosTaps(in, out int) []span {
	ratio := float64(in) / float64(out)
	scale := max(ratio, 1)
	support := 3 * scale
	spans := make([]span, out)
	for i := range out {
		centre := (float64(i) + 0.5) * ratio
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), in)
		weights := make([]float64, hi-lo)
		sum := 0.0
		for j := range weights {
			weights[j] = lanczosAt((float64(j+lo) - centre + 0.5) * (1 / scale))
			sum += weights[j]
		}
		spans[i] = span{from: lo, weight: make([]int32, len(weights))}
		for j, v := range weights {
			if sum != 0 {
				v /= sum
			}
			spans[i].weight[j] = int32(math.Copysign(math.Floor(math.Abs(v)*(1<<lanczosBits)+0.5), v))
		}
	}
	return spans
}

func lanczosAt(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// rounded takes a sum of weighted bytes back to a byte.
func rounded(sum int32) byte {
	return byte(min(max(sum>>lanczosBits, 0), 255))
}

func (w *Work) across(src []byte, height, from, width, c int, spans []span) ([]byte, error) {
	out := make([]byte, height*width*c)
	return out, w.rows(height, width*c*len(spans[0].weight), func(y int) {
		line, to := src[y*from*c:(y+1)*from*c], out[y*width*c:(y+1)*width*c]
		for x, s := range spans {
			for k := range c {
				sum := int32(1 << (lanczosBits - 1))
				for j, weight := range s.weight {
					sum += weight * int32(line[(s.from+j)*c+k])
				}
				to[x*c+k] = rounded(sum)
			}
		}
	})
}

func (w *Work) down(src []byte, height, stride int, spans []span) ([]byte, error) {
	out := make([]byte, height*stride)
	return out, w.rows(height, stride*len(spans[0].weight), func(y int) {
		s := spans[y]
		to := out[y*stride : (y+1)*stride]
		for i := range to {
			sum := int32(1 << (lanczosBits - 1))
			for j, weight := range s.weight {
				sum += weight * int32(src[(s.from+j)*stride+i])
			}
			to[i] = rounded(sum)
		}
	})
}

// premultiply scales colours by alpha in RGBA bytes, in place.
func premultiply(pix []byte) {
	for i := 0; i+4 <= len(pix); i += 4 {
		a := uint32(pix[i+3])
		for k := range 3 {
			t := uint32(pix[i+k])*a + 128
			pix[i+k] = byte((t + t>>8) >> 8)
		}
	}
}

// divideByAlpha undoes premultiply.
func divideByAlpha(pix []byte) {
	for i := 0; i+4 <= len(pix); i += 4 {
		a := uint32(pix[i+3])
		if a == 0 || a == 255 {
			continue
		}
		for k := range 3 {
			pix[i+k] = byte(min(255*uint32(pix[i+k])/a, 255))
		}
	}
}
