package pixel

// evenOut gives b as many channels as a when it has more. With fewer the
// recorded server adds one to a instead, which fails later; so does this.
func evenOut(w *Work, a, b *Image) (*Image, *Image, error) {
	switch {
	case a.C < b.C:
		cut, err := w.Channels(b, 0, a.C)
		return a, cut, err
	case a.C > b.C:
		wide, err := w.New(a.N, a.H, a.W, a.C+1)
		if err != nil {
			return nil, nil, err
		}
		for i := range a.N * a.H * a.W {
			copy(wide.Pix[i*wide.C:], a.Pix[i*a.C:(i+1)*a.C])
			wide.Pix[i*wide.C+a.C] = 1
		}
		return wide, b, nil
	}
	return a, b, nil
}

// Channels takes the channels from to to (not included) of every pixel.
func (w *Work) Channels(src *Image, from, to int) (*Image, error) {
	to = min(to, src.C)
	out, err := w.New(src.N, src.H, src.W, to-from)
	if err != nil {
		return nil, err
	}
	return out, w.rows(src.N*src.H, src.W*src.C, func(row int) {
		for x := range src.W {
			i := row*src.W + x
			copy(out.Pix[i*out.C:(i+1)*out.C], src.Pix[i*src.C+from:i*src.C+to])
		}
	})
}

// Composite lays source over destination at (x, y), clipped, by a mask (nil:
// all of it) that is stretched to the source's size.
func (w *Work) Composite(destination, source *Image, x, y int, resize bool, mask *Image) (*Image, error) {
	dst, src, err := evenOut(w, destination, source)
	if err == nil && resize {
		src, err = w.Resize(src, dst.W, dst.H, Bilinear, false)
	}
	if err == nil {
		src, err = w.fit(src, dst.N)
	}
	if err == nil && mask != nil {
		if mask, err = w.Resize(mask, src.W, src.H, Bilinear, false); err == nil {
			mask, err = w.fit(mask, src.N)
		}
	}
	if err != nil {
		return nil, err
	}
	x, y = max(-src.W, min(x, dst.W)), max(-src.H, min(y, dst.H))
	width, height := min(src.W, max(0, dst.W-x+min(0, x))), min(src.H, max(0, dst.H-y+min(0, y)))
	left, right := Slice(x, x+src.W, dst.W)
	top, bottom := Slice(y, y+src.H, dst.H)
	for _, d := range [...][3]int{{width, right - left, 3}, {height, bottom - top, 2}, {src.C, dst.C, 1}} {
		if d[0] != d[1] {
			return nil, raise("RuntimeError", "The size of tensor a (%d) must match the size of tensor b (%d) at non-singleton dimension %d", d[0], d[1], d[2])
		}
	}
	out, err := w.New(dst.N, dst.H, dst.W, dst.C)
	if err != nil {
		return nil, err
	}
	copy(out.Pix, dst.Pix)
	c := src.C
	return out, w.rows(dst.N*height, width*c, func(row int) {
		n, line := row/height, row%height
		to, from := out.Row(n, top+line)[left*c:], src.Row(n, line)
		if mask == nil {
			copy(to[:width*c], from)
			return
		}
		cover := mask.Row(n, line)
		for i := range width * c {
			m := cover[i/c]
			to[i] = float32(m*from[i]) + float32((1-m)*to[i])
		}
	})
}

// JoinAlpha gives the first three channels of every picture an alpha of
// 1 − mask; there are as many pictures as the smaller batch has.
func (w *Work) JoinAlpha(image, mask *Image) (*Image, error) {
	mask, err := w.Resize(mask, image.W, image.H, Bilinear, false)
	if err != nil {
		return nil, err
	}
	colours := min(3, image.C)
	out, err := w.New(min(image.N, mask.N), image.H, image.W, colours+1)
	if err != nil {
		return nil, err
	}
	for i := range out.N * out.H * out.W {
		copy(out.Pix[i*out.C:], image.Pix[i*image.C:i*image.C+colours])
		out.Pix[i*out.C+colours] = 1 - mask.Pix[i]
	}
	return out, w.Err()
}

// SplitAlpha is the inverse: colours, and 1 − alpha, which is 0 without one.
func (w *Work) SplitAlpha(image *Image) (colours, mask *Image, err error) {
	if colours, err = w.Channels(image, 0, 3); err != nil {
		return nil, nil, err
	}
	if mask, err = w.New(image.N, image.H, image.W, 1); err != nil || image.C <= 3 {
		return colours, mask, err
	}
	for i := range mask.Pix {
		mask.Pix[i] = 1 - image.Pix[i*image.C+3]
	}
	return colours, mask, w.Err()
}
