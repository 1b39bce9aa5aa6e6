package pixel

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
			luma := float32(0.299*r) + float32(0.587*g) + float32(0.114*b)
			for j, value := range [3]float32{luma, float32((b-luma)*0.564) + 0.5, float32((r-luma)*0.713) + 0.5} {
				p := planes[j].Pix[i : i+3]
				p[0], p[1], p[2] = value, value, value
			}
		}
	})
}

// FromYUV takes the first channel of each and makes RGB, not clamped.
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
			luma, cb, cr := y.Pix[i*y.C], u.Pix[i*u.C]-0.5, v.Pix[i*v.C]-0.5
			p := out.Pix[3*i : 3*i+3]
			p[0] = luma + float32(1.403*cr)
			p[1] = luma - float32(0.714*cr) - float32(0.344*cb)
			p[2] = luma + float32(1.773*cb)
		}
	})
}
