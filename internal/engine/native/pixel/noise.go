package pixel

import "math"

// twister is the Mersenne twister of 32 bits, seeded from one number.
type twister struct {
	state [624]uint32
	next  int
}

func newTwister(seed uint32) *twister {
	t := &twister{next: 624}
	t.state[0] = seed
	for i := 1; i < 624; i++ {
		t.state[i] = 1812433253*(t.state[i-1]^t.state[i-1]>>30) + uint32(i)
	}
	return t
}

func (t *twister) draw() uint32 {
	if t.next == 624 {
		for i := range t.state {
			y := t.state[i]&0x80000000 | t.state[(i+1)%624]&0x7fffffff
			t.state[i] = t.state[(i+397)%624] ^ y>>1
			if y&1 != 0 {
				t.state[i] ^= 0x9908b0df
			}
		}
		t.next = 0
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// double draws a uniform number of 53 bits, the first draw on top.
func (t *twister) double() float64 {
	high, low := uint64(t.draw()), uint64(t.draw())
	return float64((high<<32|low)&(1<<53-1)) * (1.0 / (1 << 53))
}

func (t *twister) single() float32 { return float32(t.draw()&(1<<24-1)) * (1.0 / (1 << 24)) }

// normals fills a with numbers of mean 0 and deviation 1, as the recorded
// framework's generator on a CPU does: pairs in double for fewer than 16,
// blocks of 16 in single from there on. It asks now and then whether to stop.
func (t *twister) normals(a []float32, stop func() error) error {
	if len(a) < 16 {
		for i := 0; i < len(a); i += 2 {
			u1, u2 := t.double(), t.double()
			r := math.Sqrt(-2 * math.Log1p(-u2))
			a[i] = float32(r * math.Cos(2*math.Pi*u1))
			if i+1 < len(a) {
				a[i+1] = float32(r * math.Sin(2*math.Pi*u1))
			}
		}
		return nil
	}
	for i := range a {
		a[i] = t.single()
		if i%(1<<20) == 0 && stop() != nil {
			return stop()
		}
	}
	for i := 0; i+16 <= len(a); i += 16 {
		normalBlock(a[i : i+16])
		if i%(1<<20) == 0 && stop() != nil {
			return stop()
		}
	}
	if len(a)%16 != 0 {
		last := a[len(a)-16:]
		for i := range last {
			last[i] = t.single()
		}
		normalBlock(last)
	}
	return nil
}

func normalBlock(a []float32) {
	for j := range 8 {
		u1, u2 := 1-a[j], a[j+8]
		r := float32(math.Sqrt(float64(-2 * float32(math.Log(float64(u1))))))
		angle := float32(2*math.Pi) * u2
		a[j] = r * float32(math.Cos(float64(angle)))
		a[j+8] = r * float32(math.Sin(float64(angle)))
	}
}

// AddNoise adds strength times normal noise to every value and clamps.
func (w *Work) AddNoise(src *Image, seed uint64, strength float64) (*Image, error) {
	out, err := w.New(src.N, src.H, src.W, src.C)
	if err != nil {
		return nil, err
	}
	if err := newTwister(uint32(seed)).normals(out.Pix, w.Err); err != nil {
		return nil, err
	}
	s := float32(strength)
	width := src.W * src.C
	return out, w.rows(src.N*src.H, width, func(row int) {
		for i := row * width; i < (row+1)*width; i++ {
			out.Pix[i] = clamp01(src.Pix[i] + float32(s*out.Pix[i]))
		}
	})
}
