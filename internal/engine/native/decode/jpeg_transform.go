package decode

// The accurate integer transform: 13 bits of fraction in the factors, two more
// kept between the passes.
const (
	fractionBits = 13
	passBits     = 2

	f0298 = 2446
	f0390 = 3196
	f0541 = 4433
	f0765 = 6270
	f0899 = 7373
	f1175 = 9633
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2562 = 20995
	f3072 = 25172
)

// transform turns a block of coefficients into 8×8 samples at out.
func transform(in []int16, q *[64]uint16, out []byte, stride int) {
	var w [64]int32
	for i := range 8 {
		var v [8]int32
		for k := range 8 {
			v[k] = int32(in[8*k+i]) * int32(q[8*k+i])
		}
		if v[1]|v[2]|v[3]|v[4]|v[5]|v[6]|v[7] == 0 {
			dc := v[0] << passBits
			for k := range 8 {
				w[8*k+i] = dc
			}
			continue
		}
		v = butterfly(v)
		const shift = fractionBits - passBits
		for k := range 8 {
			w[8*k+i] = (v[k] + 1<<(shift-1)) >> shift
		}
	}
	for y := range 8 {
		v := butterfly([8]int32(w[8*y : 8*y+8]))
		row := out[y*stride : y*stride+8]
		const shift = fractionBits + passBits + 3
		for x := range 8 {
			row[x] = clamp((v[x]+1<<(shift-1))>>shift + 128)
		}
	}
}

// butterfly is the transform of eight numbers, 13 bits larger.
func butterfly(v [8]int32) [8]int32 {
	z1 := (v[2] + v[6]) * f0541
	t2, t3 := z1-v[6]*f1847, z1+v[2]*f0765
	t0, t1 := (v[0]+v[4])<<fractionBits, (v[0]-v[4])<<fractionBits
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2

	o0, o1, o2, o3 := v[7], v[5], v[3], v[1]
	a1, a2, a3, a4 := o0+o3, o1+o2, o0+o2, o1+o3
	a5 := (a3 + a4) * f1175
	o0, o1, o2, o3 = o0*f0298, o1*f2053, o2*f3072, o3*f1501
	a1, a2 = -a1*f0899, -a2*f2562
	a3, a4 = a5-a3*f1961, a5-a4*f0390
	o0, o1, o2, o3 = o0+a1+a3, o1+a2+a4, o2+a2+a3, o3+a1+a4
	return [8]int32{e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3}
}

func clamp(v int32) byte {
	if v < 0 {
		return 0
	}
	if v > 255 {
		return 255
	}
	return byte(v)
}

// samples transforms all blocks of a component.
func (c *jpegComponent) samples(r *Reader) error {
	q := c.table
	if q == nil {
		q = new([64]uint16)
	}
	stride := 8 * c.blocksX
	c.pix = make([]byte, stride*8*c.blocksY)
	for y := range c.blocksY {
		if err := r.check(); err != nil {
			return err
		}
		for x := range c.blocksX {
			at := 64 * (y*c.blocksX + x)
			transform(c.coefficients[at:at+64], q, c.pix[8*y*stride+8*x:], stride)
		}
	}
	c.coefficients = nil
	return nil
}
