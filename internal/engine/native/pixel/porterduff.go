package pixel

// premixed is a pixel on its way: S and D are colours times their alphas s, d.
type premixed struct{ S, D, s, d float32 }

// duff says colour and alpha of one mode. Every product is rounded before it
// is used further.
type duff struct{ colour, alpha func(p premixed) float32 }

func (p premixed) union() float32 { return p.s + p.d - float32(p.s*p.d) }
func (p premixed) outside() float32 {
	return float32((1-p.d)*p.S) + float32((1-p.s)*p.D)
}

var (
	alphaOfSource      = func(p premixed) float32 { return p.s }
	alphaOfDestination = func(p premixed) float32 { return p.d }
	alphaOfBoth        = func(p premixed) float32 { return float32(p.s * p.d) }
	alphaOfEither      = premixed.union
)

var duffs = map[string]duff{
	"ADD": {
		func(p premixed) float32 { return clamp01(p.S + p.D) },
		func(p premixed) float32 { return clamp01(p.s + p.d) },
	},
	"CLEAR": {
		func(premixed) float32 { return 0 },
		func(premixed) float32 { return 0 },
	},
	"DARKEN": {
		func(p premixed) float32 { return p.outside() + min(p.S, p.D) },
		alphaOfEither,
	},
	"DST": {
		func(p premixed) float32 { return p.D },
		alphaOfDestination,
	},
	"DST_ATOP": {
		func(p premixed) float32 { return float32(p.s*p.D) + float32((1-p.d)*p.S) },
		alphaOfSource,
	},
	"DST_IN": {
		func(p premixed) float32 { return float32(p.D * p.s) },
		alphaOfBoth,
	},
	"DST_OUT": {
		func(p premixed) float32 { return float32((1 - p.s) * p.D) },
		func(p premixed) float32 { return float32((1 - p.s) * p.d) },
	},
	"DST_OVER": {
		func(p premixed) float32 { return p.D + float32((1-p.d)*p.S) },
		func(p premixed) float32 { return p.d + float32((1-p.d)*p.s) },
	},
	"LIGHTEN": {
		func(p premixed) float32 { return p.outside() + max(p.S, p.D) },
		alphaOfEither,
	},
	"MULTIPLY": {
		func(p premixed) float32 { return float32(p.S * p.D) },
		alphaOfBoth,
	},
	"OVERLAY": {
		func(p premixed) float32 {
			if 2*p.D < p.d {
				return float32(2 * p.S * p.D)
			}
			return float32(p.s*p.d) - float32(2*(p.d-p.S)*(p.s-p.D))
		},
		alphaOfEither,
	},
	"SCREEN": {
		func(p premixed) float32 { return p.S + p.D - float32(p.S*p.D) },
		alphaOfEither,
	},
	"SRC": {
		func(p premixed) float32 { return p.S },
		alphaOfSource,
	},
	"SRC_ATOP": {
		func(p premixed) float32 { return float32(p.d*p.S) + float32((1-p.s)*p.D) },
		alphaOfDestination,
	},
	"SRC_IN": {
		func(p premixed) float32 { return float32(p.S * p.d) },
		alphaOfBoth,
	},
	"SRC_OUT": {
		func(p premixed) float32 { return float32((1 - p.d) * p.S) },
		func(p premixed) float32 { return float32((1 - p.d) * p.s) },
	},
	"SRC_OVER": {
		func(p premixed) float32 { return p.S + float32((1-p.s)*p.D) },
		func(p premixed) float32 { return p.s + float32((1-p.s)*p.d) },
	},
	"XOR": {
		premixed.outside,
		func(p premixed) float32 { return float32((1-p.d)*p.s) + float32((1-p.s)*p.d) },
	},
}

// PorterDuff composes two pictures by one of 18 modes. Masks are 1 − alpha.
// There are as many results as the smallest batch has pictures; what has
// another size than the destination is stretched to it.
func (w *Work) PorterDuff(source, sourceMask, destination, destinationMask *Image, mode string) (image, mask *Image, err error) {
	n := min(source.N, sourceMask.N, destination.N, destinationMask.N)
	if n > 0 && source.C != destination.C {
		return nil, nil, raise("AssertionError", "")
	}
	dst, dstMask := destination.Pick(0, n), destinationMask.Pick(0, n)
	if n == 0 {
		return nil, nil, raise("RuntimeError", "stack expects a non-empty TensorList")
	}
	stretched := func(m *Image) *Image {
		m = m.Pick(0, n)
		if err == nil && (m.W != dst.W || m.H != dst.H) {
			m, err = w.Resize(m, dst.W, dst.H, Bicubic, true)
		}
		return m
	}
	dstMask = stretched(dstMask)
	src := stretched(source)
	srcMask := stretched(sourceMask)
	if err != nil {
		return nil, nil, err
	}
	f, ok := duffs[mode]
	if !ok {
		return nil, nil, raise("KeyError", "'%s'", mode)
	}
	if image, err = w.New(n, dst.H, dst.W, dst.C); err != nil {
		return nil, nil, err
	}
	if mask, err = w.New(n, dst.H, dst.W, 1); err != nil {
		return nil, nil, err
	}
	c := dst.C
	return image, mask, w.rows(n*dst.H, 8*dst.W*c, func(row int) {
		for x := range dst.W {
			i := row*dst.W + x
			p := premixed{s: 1 - srcMask.Pix[i], d: 1 - dstMask.Pix[i]}
			alpha := f.alpha(p)
			mask.Pix[i] = 1 - alpha
			for k := range c {
				p.S, p.D = float32(src.Pix[i*c+k]*p.s), float32(dst.Pix[i*c+k]*p.d)
				if alpha > 1e-5 {
					image.Pix[i*c+k] = clamp01(f.colour(p) / alpha)
				}
			}
		}
	})
}
