package pixel

// Slice is Python's [from:to] on a list of n: negative places count from the
// end, what lies outside is cut, and lo ≤ hi ≤ n.
func Slice(from, to, n int) (lo, hi int) {
	at := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	lo, hi = at(from), at(to)
	return lo, max(lo, hi)
}

// Crop takes the window from (x, y) to (right, bottom), each read as Python
// reads a slice: the result may be smaller than asked, or empty.
func (w *Work) Crop(src *Image, x, y, right, bottom int) (*Image, error) {
	left, right := Slice(x, right, src.W)
	top, bottom := Slice(y, bottom, src.H)
	out, err := w.New(src.N, bottom-top, right-left, src.C)
	if err != nil {
		return nil, err
	}
	for n := range src.N {
		for row := range out.H {
			copy(out.Row(n, row), src.Row(n, top+row)[left*src.C:right*src.C])
		}
	}
	return out, w.Err()
}

// moved makes a picture of width × height whose pixel (x, y) is src's pixel
// from(x, y).
func (w *Work) moved(src *Image, width, height int, from func(x, y int) (int, int)) (*Image, error) {
	out, err := w.New(src.N, height, width, src.C)
	if err != nil {
		return nil, err
	}
	c := src.C
	return out, w.rows(src.N*height, width*c, func(row int) {
		n, y := row/height, row%height
		to := out.Row(n, y)
		for x := range width {
			fx, fy := from(x, y)
			i := ((n*src.H+fy)*src.W + fx) * c
			copy(to[x*c:(x+1)*c], src.Pix[i:i+c])
		}
	})
}

// FlipRows turns pictures upside down.
func (w *Work) FlipRows(src *Image) (*Image, error) {
	return w.moved(src, src.W, src.H, func(x, y int) (int, int) { return x, src.H - 1 - y })
}

// FlipColumns mirrors left and right.
func (w *Work) FlipColumns(src *Image) (*Image, error) {
	return w.moved(src, src.W, src.H, func(x, y int) (int, int) { return src.W - 1 - x, y })
}

// Rotate turns pictures clockwise by quarters of a turn.
func (w *Work) Rotate(src *Image, quarters int) (*Image, error) {
	switch quarters {
	case 1:
		return w.moved(src, src.H, src.W, func(x, y int) (int, int) { return y, src.H - 1 - x })
	case 2:
		return w.moved(src, src.W, src.H, func(x, y int) (int, int) { return src.W - 1 - x, src.H - 1 - y })
	case 3:
		return w.moved(src, src.H, src.W, func(x, y int) (int, int) { return src.W - 1 - y, x })
	}
	return src, nil
}

// Paste copies src onto a new canvas of width × height filled with a value,
// at (x, y); all of src must fit.
func (w *Work) Paste(src *Image, width, height, x, y int, fill float32) (*Image, error) {
	out, err := w.New(src.N, height, width, src.C)
	if err != nil {
		return nil, err
	}
	if fill != 0 {
		for i := range out.Pix {
			out.Pix[i] = fill
		}
	}
	for n := range src.N {
		for row := range src.H {
			copy(out.Row(n, y+row)[x*src.C:], src.Row(n, row))
		}
	}
	return out, w.Err()
}

// Solid is one picture of one value.
func (w *Work) Solid(width, height, c int, value float32) (*Image, error) {
	out, err := w.New(1, height, width, c)
	if err != nil {
		return nil, err
	}
	for i := range out.Pix {
		out.Pix[i] = value
	}
	return out, nil
}
