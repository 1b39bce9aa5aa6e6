package pixel

import "math"

// bell is one axis of a Gaussian of 2·radius+1 places between −1 and 1, not
// normalised: sigma is relative to the radius.
func bell(radius int, sigma float64) []float64 {
	line := make([]float64, 2*radius+1)
	step := float32(2) / float32(2*radius)
	for i := range line {
		x := -1 + float32(step*float32(i))
		if i > radius {
			x = 1 - float32(step*float32(2*radius-i))
		}
		line[i] = math.Exp(-float64(x) * float64(x) / (2 * sigma * sigma))
	}
	return line
}

// separable is the radius from which a Gaussian is applied one axis after the
// other: beyond it a square of weights costs more than a second a megapixel.
// Both ways agree to the last place of a float32.
const separable = 8

// Blur convolves every channel with a Gaussian, edges mirrored.
func (w *Work) Blur(src *Image, radius int, sigma float64) (*Image, error) {
	if radius == 0 {
		return src, nil
	}
	return w.gaussian(src, radius, sigma, func(_, mean float32) float32 { return mean })
}

// Sharpen subtracts ten times alpha of the neighbourhood's mean; the result is
// clamped.
func (w *Work) Sharpen(src *Image, radius int, sigma, alpha float64) (*Image, error) {
	if radius == 0 {
		return src, nil
	}
	strength := 10 * alpha
	return w.gaussian(src, radius, sigma, func(v, mean float32) float32 {
		return clamp01(float32((1+strength)*float64(v) - strength*float64(mean)))
	})
}

// gaussian makes finish(value, weighted mean of its neighbourhood) of every
// value.
func (w *Work) gaussian(src *Image, radius int, sigma float64, finish func(v, mean float32) float32) (*Image, error) {
	if radius < 0 {
		return nil, raise("RuntimeError", "number of steps must be non-negative")
	}
	padded, err := w.mirrored(src, radius)
	if err != nil {
		return nil, err
	}
	out, err := w.New(src.N, src.H, src.W, src.C)
	if err != nil {
		return nil, err
	}
	line := bell(radius, sigma)
	if radius < separable {
		return out, w.square(src, padded, out, line, finish)
	}
	return out, w.twoWays(src, padded, out, line, finish)
}

// mirrored gives every picture a frame that mirrors it, the edge itself not
// repeated.
func (w *Work) mirrored(src *Image, radius int) (*Image, error) {
	for _, side := range [...][2]int{{src.W, 3}, {src.H, 2}} {
		if radius >= side[0] {
			return nil, raise("RuntimeError", "Padding size should be less than the corresponding input dimension, but got: padding (%d, %d) at dimension %d of input [%d, %d, %d, %d]",
				radius, radius, side[1], src.N, src.C, src.H, src.W)
		}
	}
	out, err := w.New(src.N, src.H+2*radius, src.W+2*radius, src.C)
	if err != nil {
		return nil, err
	}
	c := src.C
	return out, w.rows(out.N*out.H, out.W*c, func(row int) {
		n, y := row/out.H, row%out.H
		from, to := src.Row(n, mirror(y-radius, src.H)), out.Row(n, y)
		copy(to[radius*c:], from)
		for x := range radius {
			left, right := mirror(x-radius, src.W), mirror(src.W+x, src.W)
			copy(to[x*c:(x+1)*c], from[left*c:])
			copy(to[(radius+src.W+x)*c:(radius+src.W+x+1)*c], from[right*c:])
		}
	})
}

func mirror(i, n int) int {
	if i < 0 {
		return -i
	}
	if i >= n {
		return 2*(n-1) - i
	}
	return i
}

// square applies all (2r+1)² weights.
func (w *Work) square(src, padded, out *Image, line []float64, finish func(v, mean float32) float32) error {
	k, c := len(line), src.C
	sum := 0.0
	for _, a := range line {
		for _, b := range line {
			sum += a * b
		}
	}
	weights := make([]float64, k*k)
	for i := range weights {
		weights[i] = float64(float32(line[i/k] * line[i%k] / sum))
	}
	width := src.W * c
	return w.rows(src.N*src.H, width*k*k, func(row int) {
		n, y := row/src.H, row%src.H
		means := make([]float64, width)
		for j := range k {
			from := padded.Row(n, y+j)
			for i := range k {
				weight := weights[j*k+i]
				for x, v := range from[i*c : i*c+width] {
					means[x] += weight * float64(v)
				}
			}
		}
		values, to := src.Row(n, y), out.Row(n, y)
		for x := range to {
			to[x] = finish(values[x], float32(means[x]))
		}
	})
}

// twoWays applies the weights along the rows, then down the columns.
func (w *Work) twoWays(src, padded, out *Image, line []float64, finish func(v, mean float32) float32) error {
	k, c := len(line), src.C
	sum := 0.0
	for _, a := range line {
		sum += a
	}
	weights := make([]float64, k)
	for i, a := range line {
		weights[i] = a / sum
	}
	width := src.W * c
	if err := w.take(8 * int64(padded.H) * int64(width)); err != nil {
		return err
	}
	across := make([]float64, padded.H*width)
	for n := range src.N {
		err := w.rows(padded.H, width*k, func(y int) {
			from, to := padded.Row(n, y), across[y*width:(y+1)*width]
			clear(to)
			for i, weight := range weights {
				for x, v := range from[i*c : i*c+width] {
					to[x] += weight * float64(v)
				}
			}
		})
		if err != nil {
			return err
		}
		err = w.rows(src.H, width*k, func(y int) {
			means := make([]float64, width)
			for j, weight := range weights {
				for x, v := range across[(y+j)*width : (y+j+1)*width] {
					means[x] += weight * v
				}
			}
			values, to := src.Row(n, y), out.Row(n, y)
			for x := range to {
				to[x] = finish(values[x], float32(means[x]))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
