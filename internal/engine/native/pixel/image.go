// Package pixel does the arithmetic of the native nodes: float32 pictures in,
// a new float32 picture out, the same bits as the recorded server wherever its
// own order of operations is known. It knows no graph, no files and no
// accounts.
//
// Inputs are never changed: a picture may be shared by several consumers and
// by a cache. Products are rounded to float32 before they are added, unless
// fused says otherwise, so that no processor's own fusing shows in a result.
package pixel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Image is a batch of N pictures of H rows, W columns and C channels, channels
// of a pixel together, nominally 0 to 1. A mask is an Image of one channel.
type Image struct {
	N, H, W, C int
	Pix        []float32
}

// Error is what the recorded server raises: exception type and message.
type Error struct{ Type, Message string }

func (e *Error) Error() string { return e.Type + ": " + e.Message }

func raise(kind, format string, args ...any) error {
	return &Error{Type: kind, Message: fmt.Sprintf(format, args...)}
}

// Frame is picture n of the batch, sharing its pixels.
func (m *Image) Frame(n int) *Image {
	size := m.H * m.W * m.C
	return &Image{N: 1, H: m.H, W: m.W, C: m.C, Pix: m.Pix[n*size : (n+1)*size : (n+1)*size]}
}

// Row is row y of picture n.
func (m *Image) Row(n, y int) []float32 {
	i := (n*m.H + y) * m.W * m.C
	return m.Pix[i : i+m.W*m.C : i+m.W*m.C]
}

// SameSize reports whether the pictures of both batches have one size, in
// pixels and channels.
func (m *Image) SameSize(o *Image) bool { return m.H == o.H && m.W == o.W && m.C == o.C }

// Work is what a kernel may use: room, time and processors.
type Work struct {
	// Context ends long loops; nil never does.
	Context context.Context
	// Take asks for room, in bytes, before it is used; nil allows all.
	Take func(bytes int64) error
}

// ErrTooLarge says that a picture has more values than can be counted.
var ErrTooLarge = errors.New("the picture is too large")

// New makes room for a black picture.
func (w *Work) New(n, h, width, c int) (*Image, error) {
	size := int64(1)
	for _, side := range [...]int{n, h, width, c} {
		if side < 0 {
			return nil, raise("RuntimeError", "Trying to create tensor with negative dimension %d: [%d, %d, %d, %d]", side, n, h, width, c)
		}
		if side > 0 && size > math.MaxInt64/8/int64(side) {
			return nil, ErrTooLarge
		}
		size *= int64(side)
	}
	if err := w.take(4 * size); err != nil {
		return nil, err
	}
	return &Image{N: n, H: h, W: width, C: c, Pix: make([]float32, size)}, nil
}

func (w *Work) take(bytes int64) error {
	if w.Take == nil {
		return nil
	}
	return w.Take(bytes)
}

// Err is why the work must stop, nil while it may go on.
func (w *Work) Err() error {
	if w.Context == nil {
		return nil
	}
	return context.Cause(w.Context)
}

// band is how many values one call of a rows function should at least work on:
// below it a second processor costs more than it gives.
const band = 1 << 15

// rows calls f for the rows 0 to total-1, each once, on all processors; cost
// is how many values a row needs touched. It stops between bands when the
// context ends.
func (w *Work) rows(total, cost int, f func(row int)) error {
	if err := w.Err(); err != nil {
		return err
	}
	step := max(1, band/max(1, cost))
	workers := min(runtime.GOMAXPROCS(0), (total+step-1)/step)
	if workers <= 1 {
		return w.slice(f, 0, total, step)
	}
	var next sync.Mutex
	at, failed := 0, error(nil)
	var panicked any
	take := func() (int, int) {
		next.Lock()
		defer next.Unlock()
		lo := at
		at = min(total, at+step)
		return lo, at
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			defer func() { // to the caller, who may live through it
				if p := recover(); p != nil {
					next.Lock()
					panicked, at = p, total
					next.Unlock()
				}
			}()
			for {
				lo, hi := take()
				if lo == hi {
					return
				}
				if err := w.slice(f, lo, hi, step); err != nil {
					next.Lock()
					failed, at = err, total
					next.Unlock()
					return
				}
			}
		})
	}
	all.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return failed
}

func (w *Work) slice(f func(row int), lo, hi, step int) error {
	for lo < hi {
		end := min(hi, lo+step)
		for ; lo < end; lo++ {
			f(lo)
		}
		if err := w.Err(); err != nil {
			return err
		}
	}
	return nil
}

// each makes a picture of src's size whose every value is f of src's.
func (w *Work) each(src *Image, f func(float32) float32) (*Image, error) {
	out, err := w.New(src.N, src.H, src.W, src.C)
	if err != nil {
		return nil, err
	}
	width := src.W * src.C
	return out, w.rows(src.N*src.H, width, func(row int) {
		from, to := src.Pix[row*width:(row+1)*width], out.Pix[row*width:(row+1)*width]
		for i, v := range from {
			to[i] = f(v)
		}
	})
}

// clamp01 keeps v in 0…1; what is not a number stays one.
func clamp01(v float32) float32 {
	if v < 0 {
		return 0
	}
	if v > 1 {
		return 1
	}
	return v
}

// fused is a·b + c rounded once, as a processor's fused operation does.
// (The product is exact in float64; the sum may be rounded twice, which shows
// in about one of 2²⁹ results.)
func fused(a, b, c float32) float32 { return float32(float64(a)*float64(b) + float64(c)) }
