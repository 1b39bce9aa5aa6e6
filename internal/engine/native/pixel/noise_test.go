package pixel

import (
	"math"
	"testing"
)

// The numbers that the recorded framework's generator draws (protocol note
// 5.3.7): fewer than 16 at a time.
func TestNormalNumbersAreTheFrameworks(t *testing.T) {
	none := func() error { return nil }
	for _, x := range []struct {
		seed uint32
		n    int
		want []float32
	}{
		{0, 6, []float32{1.5409961, -0.2934289, -2.1787894, 0.5684313, -1.0845224, -1.3985955}},
		{42, 12, []float32{0.3366904, 0.1288094, 0.2344624, 0.2303330, -1.1228564, -0.1863283}},
	} {
		got := make([]float32, x.n)
		if err := newTwister(x.seed).normals(got, none); err != nil {
			t.Fatal(err)
		}
		for i, v := range x.want {
			if math.Abs(float64(got[i]-v)) > 1e-6 {
				t.Errorf("seed %d: number %d is %v, want %v", x.seed, i, got[i], v)
			}
		}
	}
}

// A length that is no multiple of 16 draws its last 16 numbers again.
func TestTheTailIsDrawnAgain(t *testing.T) {
	none := func() error { return nil }
	long, short := make([]float32, 32), make([]float32, 20)
	if err := newTwister(7).normals(long, none); err != nil {
		t.Fatal(err)
	}
	if err := newTwister(7).normals(short, none); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if short[i] != long[i] {
			t.Errorf("number %d: %v and %v", i, short[i], long[i])
		}
	}
	if short[4] == long[4] && short[5] == long[5] {
		t.Error("the last 16 were not drawn again")
	}
}
