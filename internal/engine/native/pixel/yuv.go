package pixel

// The weights of red, green and blue in the luma, and how far the colour
// differences are scaled. The way back is their exact inverse.
const (
	red, green, blue = 0.299, 0.587, 0.114
	toCb, toCr       = 0.564, 0.713

	fromCb, fromCr   = 1 / toCb, 1 / toCr
	greenCb, greenCr = blue / green / toCb, red / green / toCr
)

// ToYUV splits RGB into luma and two colour differences, each a grey picture.
func (w *Work) ToYUV(src *Image) (y, u, v *Image, err error) {
	if src.C != 3 {
		return nil, nil, nil, raise("ValueError", "Input size must have a shape of (*, 3, H, W). Got torch.Size([%d, %d, %d, %d])", src.N, src.C, src.H, src.W)
	}
	planes := [3]*Image{}
	for i := range planes {
		if planes[i], err = w.New(src.N, src.H, src.W, 3); err != nil {
			return nil, nil, nil, err
		}
	}
	return planes[0], planes[1], planes[2], w.rows(src.N*src.H, 9*src.W, func(row int) {
		for x := range src.W {
			i := 3 * (row*src.W + x)
			r, g, b := src.Pix[i], src.Pix[i+1], src.Pix[i+2]
			luma := float32(red*r) + float32(green*g) + float32(blue*b)
			for j, value := range [3]float32{luma, float32((b-luma)*toCb) + 0.5, float32((r-luma)*toCr) + 0.5} {
				p := planes[j].Pix[i : i+3]
				p[0], p[1], p[2] = value, value, value
			}
		}
	})
}

// FromYUV takes the mean of each one's channels and makes RGB, not clamped.
func (w *Work) FromYUV(y, u, v *Image) (*Image, error) {
	for i, m := range [...]*Image{u, v} {
		for _, d := range [...][2]int{{y.N, m.N}, {y.H, m.H}, {y.W, m.W}} {
			if d[0] != d[1] {
				return nil, raise("RuntimeError", "Sizes of tensors must match except in dimension 3. Expected size %d but got size %d for tensor number %d in the list.", d[0], d[1], i+1)
			}
		}
	}
	out, err := w.New(y.N, y.H, y.W, 3)
	if err != nil {
		return nil, err
	}
	return out, w.rows(y.N*y.H, 6*y.W, func(row int) {
		for x := range y.W {
			i := row*y.W + x
			luma, cb, cr := y.mean(i), u.mean(i)-0.5, v.mean(i)-0.5
			p := out.Pix[3*i : 3*i+3]
			p[0] = luma + float32(fromCr*cr)
			p[1] = luma - float32(greenCr*cr) - float32(greenCb*cb)
			p[2] = luma + float32(fromCb*cb)
		}
	})
}

// mean is that of the channels of pixel i.
func (m *Image) mean(i int) float32 {
	var sum float32
	for _, v := range m.Pix[i*m.C : (i+1)*m.C] {
		sum += v
	}
	return sum / float32(m.C)
}
