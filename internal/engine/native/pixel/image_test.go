package pixel

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestEveryRowIsDoneOnce(t *testing.T) {
	for _, total := range []int{0, 1, 7, 1000} {
		for _, cost := range []int{0, 1, 100, 1 << 20} {
			seen := make([]atomic.Int32, total)
			if err := (&Work{}).rows(total, cost, func(row int) { seen[row].Add(1) }); err != nil {
				t.Fatal(err)
			}
			for row := range seen {
				if n := seen[row].Load(); n != 1 {
					t.Fatalf("%d rows of cost %d: row %d was done %d times", total, cost, row, n)
				}
			}
		}
	}
}

func TestRowsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Work{Context: ctx}
	var done atomic.Int32
	err := w.rows(1000, 1<<20, func(int) {
		if done.Add(1) == 10 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || done.Load() > int32(10+runtime.GOMAXPROCS(0)) {
		t.Errorf("%v after %d rows", err, done.Load())
	}
	if _, err := w.Invert(pattern(2, 2, 3, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("a kernel that starts later: %v", err)
	}
}

// A panic on another goroutine would end the process; here it reaches the
// caller.
func TestAPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if p := recover(); p != "row" {
			t.Errorf("recovered %v", p)
		}
	}()
	(&Work{}).rows(1000, 1<<20, func(row int) {
		if row == 500 {
			panic("row")
		}
	})
	t.Error("no panic")
}

func TestRoomIsAskedForBeforeItIsUsed(t *testing.T) {
	refused := errors.New("no room")
	var asked int64
	w := &Work{Take: func(bytes int64) error {
		asked += bytes
		if asked > 1<<20 {
			return refused
		}
		return nil
	}}
	if _, err := w.New(2, 10, 20, 3); err != nil || asked != 4*2*10*20*3 {
		t.Errorf("%d bytes, %v", asked, err)
	}
	if _, err := w.Resize(pattern(4, 4, 3, 0), 1<<20, 1<<10, Bicubic, false); !errors.Is(err, refused) {
		t.Errorf("a picture of 12 GiB: %v", err)
	}
	if _, err := w.New(1<<20, 1<<20, 1<<20, 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more values than can be counted: %v", err)
	}
}

func TestInputsAreNotChanged(t *testing.T) {
	w := &Work{}
	a, b, m := pattern(9, 8, 3, 0), pattern(5, 6, 3, 3), ramp(5, 6, 1)
	keepA, keepB, keepM := must(w.each(a, func(v float32) float32 { return v })), must(w.each(b, func(v float32) float32 { return v })), must(w.each(m, func(v float32) float32 { return v }))
	must(w.Composite(a, b, 2, 2, true, m))
	must(w.Blend(a, b, "overlay", 0.3))
	must(w.Feather(m, 2, 2, 2, 2))
	must(w.Grow(m, 2, true))
	must(w.MaskComposite(m, m, 1, 1, "add"))
	must(w.Morphology(a, "top_hat", 3))
	must(w.Quantize(a, 4, "floyd-steinberg"))
	must(w.Stitch(a, b, Stitching{Direction: "up", Match: true, Colour: "red"}))
	first(w.PorterDuff(b, m, a, ramp(9, 8, 2), "XOR"))
	for _, x := range [][2]*Image{{a, keepA}, {b, keepB}, {m, keepM}} {
		for i := range x[0].Pix {
			if x[0].Pix[i] != x[1].Pix[i] {
				t.Fatalf("value %d was %v and is %v", i, x[1].Pix[i], x[0].Pix[i])
			}
		}
	}
}
