package pixel

import (
	"math"
	"slices"
)

// Concat lines up the pictures of several batches in one; all must have one
// size.
func (w *Work) Concat(parts ...*Image) (*Image, error) {
	total := 0
	for i, p := range parts {
		first := parts[0]
		for _, d := range [...][2]int{{first.H, p.H}, {first.W, p.W}, {first.C, p.C}} {
			if d[0] != d[1] {
				return nil, raise("RuntimeError", "Sizes of tensors must match except in dimension 0. Expected size %d but got size %d for tensor number %d in the list.", d[0], d[1], i)
			}
		}
		total += p.N
	}
	out, err := w.New(total, parts[0].H, parts[0].W, parts[0].C)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, p := range parts {
		at += copy(out.Pix[at:], p.Pix)
	}
	return out, w.Err()
}

// Batch joins b to a; b is given a's size first when it has another.
func (w *Work) Batch(a, b *Image) (*Image, error) {
	if !a.SameSize(b) {
		resized, err := w.Resize(b, a.W, a.H, Bilinear, true)
		if err != nil {
			return nil, err
		}
		b = resized
	}
	return w.Concat(a, b)
}

// Repeat is the whole batch, times over.
func (w *Work) Repeat(src *Image, times int) (*Image, error) {
	switch {
	case times == 1:
		return src, nil
	case times > math.MaxInt32:
		return nil, ErrTooLarge
	case times <= 0:
		return w.New(src.N*times, src.H, src.W, src.C)
	}
	return w.Concat(slices.Repeat([]*Image{src}, times)...)
}

// Pick shares the pictures from to to (not included) of a batch.
func (m *Image) Pick(from, to int) *Image {
	size := m.H * m.W * m.C
	return &Image{N: to - from, H: m.H, W: m.W, C: m.C, Pix: m.Pix[from*size : to*size : to*size]}
}

// fit repeats or cuts a batch to n pictures, as views of the first one.
func (w *Work) fit(src *Image, n int) (*Image, error) {
	if src.N >= n {
		return src.Pick(0, n), nil
	}
	if src.N == 0 {
		return nil, raise("ZeroDivisionError", "division by zero")
	}
	all, err := w.Repeat(src, (n+src.N-1)/src.N)
	if err != nil {
		return nil, err
	}
	return all.Pick(0, n), nil
}
