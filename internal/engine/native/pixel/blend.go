package pixel

import "math"

// Blend mixes each value of a with mode(a, b); b is given a's size first. A
// batch of one goes with a batch of many.
func (w *Work) Blend(a, b *Image, mode string, factor float64) (*Image, error) {
	f := blends[mode]
	a, b, err := evenOut(w, a, b)
	if err != nil {
		return nil, err
	}
	if a.N != b.N || !a.SameSize(b) {
		if b, err = w.Resize(b, a.W, a.H, Bicubic, true); err != nil {
			return nil, err
		}
	}
	if f == nil {
		return nil, raise("ValueError", "Unsupported blend mode: %s", mode)
	}
	if a.C != b.C {
		x, y := a.C, b.C
		if mode == "soft_light" {
			x, y = y, x
		}
		return nil, mismatch(x, y, 3)
	}
	if a.N != b.N && a.N != 1 && b.N != 1 {
		return nil, mismatch(a.N, b.N, 0)
	}
	n := a.N
	if n == 1 {
		n = b.N
	}
	out, err := w.New(n, a.H, a.W, a.C)
	if err != nil {
		return nil, err
	}
	keep, take := float32(1-factor), float32(factor)
	return out, w.rows(n*a.H, 4*a.W*a.C, func(row int) {
		i, y := row/a.H, row%a.H
		from, with, to := a.Row(i%a.N, y), b.Row(i%b.N, y), out.Row(i, y)
		for j, v := range from {
			to[j] = clamp01(float32(v*keep) + float32(f(v, with[j])*take))
		}
	})
}

func mismatch(a, b, dimension int) error {
	return raise("RuntimeError", "The size of tensor a (%d) must match the size of tensor b (%d) at non-singleton dimension %d", a, b, dimension)
}

var blends = map[string]func(a, b float32) float32{
	"normal":   func(a, b float32) float32 { return b },
	"multiply": func(a, b float32) float32 { return a * b },
	"screen":   func(a, b float32) float32 { return 1 - float32((1-a)*(1-b)) },
	"overlay": func(a, b float32) float32 {
		if a <= 0.5 {
			return 2 * a * b
		}
		return 1 - float32(2*(1-a)*(1-b))
	},
	"soft_light": func(a, b float32) float32 {
		if b <= 0.5 {
			return a - float32(float32((1-float32(2*b))*a)*(1-a))
		}
		return a + float32((float32(2*b)-1)*(softened(a)-a))
	},
	"difference": func(a, b float32) float32 { return a - b },
}

func softened(x float32) float32 {
	if x <= 0.25 {
		return float32((float32((float32(16*x)-12)*x) + 4) * x)
	}
	return float32(math.Sqrt(float64(x)))
}
