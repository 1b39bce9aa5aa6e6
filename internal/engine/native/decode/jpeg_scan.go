package decode

// scan is one pass over some of the components.
type scan struct {
	*jpegFile
	bits       bits
	parts      []*jpegComponent
	start, end int // of the coefficients
	high, low  int // successive approximation
	endOfBand  int32
}

// maxScans is far more than any program writes.
const maxScans = 500

func (j *jpegFile) scan(b []byte) error {
	if len(b) < 1 || len(b) < 4+2*int(b[0]) || j.components == nil {
		return broken("a JPEG with a wrong scan")
	}
	s := &scan{jpegFile: j}
	n := int(b[0])
	for i := range n {
		for _, c := range j.components {
			if c.id == int(b[1+2*i]) {
				c.dc, c.ac = int(b[2+2*i]>>4)&3, int(b[2+2*i]&3)
				s.parts = append(s.parts, c)
				if c.table == nil {
					c.table = j.quant[c.quant]
				}
			}
		}
	}
	s.start, s.end, s.high, s.low = int(b[1+2*n]), int(b[2+2*n]), int(b[3+2*n]>>4), int(b[3+2*n]&15)
	if !j.progressive {
		s.start, s.end, s.high, s.low = 0, 63, 0, 0
	}
	if len(s.parts) != n || n == 0 || n > 4 || s.end > 63 || s.start > s.end || s.low > 13 ||
		j.progressive && s.start > 0 && n > 1 || j.progressive && s.start == 0 && s.end > 0 {
		return broken("a JPEG with a wrong scan")
	}
	for _, c := range s.parts {
		if s.start == 0 && s.high == 0 && j.huff[0][c.dc] == nil || s.end > 0 && j.huff[1][c.ac] == nil {
			return broken("a JPEG without a code table")
		}
	}
	if j.scans++; j.scans > maxScans {
		return broken("a JPEG of too many scans")
	}
	for _, c := range s.parts {
		c.predicted = 0
	}
	s.bits = bits{data: j.data, at: j.at}
	err := s.blocks()
	j.at = s.bits.at
	return err
}

// blocks decodes the scan: MCU by MCU, or block by block for one component.
func (s *scan) blocks() error {
	across, down := s.mcusX, s.mcusY
	single := len(s.parts) == 1
	if single {
		across, down = s.parts[0].ownX, s.parts[0].ownY
	}
	left := s.restart
	for y := range down {
		if err := s.r.check(); err != nil {
			return err
		}
		for x := range across {
			if s.restart > 0 {
				if left == 0 {
					s.resume()
					left = s.restart
				}
				left--
			}
			if s.bits.short { // what is missing stays as it is
				if s.restart == 0 {
					return nil
				}
				continue
			}
			if single {
				s.block(s.parts[0], x, y)
				continue
			}
			for _, c := range s.parts {
				for v := range c.v {
					for h := range c.h {
						s.block(c, x*c.h+h, y*c.v+v)
					}
				}
			}
		}
	}
	return nil
}

// resume goes on after a restart marker, if one is next.
func (s *scan) resume() {
	s.endOfBand = 0
	for _, c := range s.parts {
		c.predicted = 0
	}
	b := &s.bits
	b.acc, b.n = 0, 0
	at := b.at
	for at+1 < len(b.data) && (b.data[at] != 0xff || b.data[at+1] == 0 || b.data[at+1] == 0xff) {
		at++
	}
	if b.at = at; at+1 < len(b.data) && b.data[at+1] >= 0xd0 && b.data[at+1] <= 0xd7 {
		b.at, b.ended, b.short = at+2, false, false
	} else {
		b.ended, b.short = true, true
	}
}

func (s *scan) block(c *jpegComponent, x, y int) {
	at := 64 * (y*c.blocksX + x)
	block := c.coefficients[at : at+64 : at+64]
	switch {
	case !s.progressive:
		s.baseline(c, block)
	case s.start == 0 && s.high == 0:
		c.predicted += s.bits.signed(s.bits.code(s.huff[0][c.dc]) & 15)
		block[0] = int16(c.predicted << s.low)
	case s.start == 0:
		if s.bits.take(1) != 0 {
			block[0] |= 1 << s.low
		}
	case s.high == 0:
		s.first(c, block)
	default:
		s.refine(c, block)
	}
}

func (s *scan) baseline(c *jpegComponent, block []int16) {
	c.predicted += s.bits.signed(s.bits.code(s.huff[0][c.dc]) & 15)
	block[0] = int16(c.predicted)
	ac := s.huff[1][c.ac]
	for k := 1; k < 64; k++ {
		code := s.bits.code(ac)
		run, size := code>>4, code&15
		if size == 0 {
			if run != 15 {
				return
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return
		}
		block[zigzag[k]] = int16(s.bits.signed(size))
	}
}

// first decodes a band of coefficients for the first time.
func (s *scan) first(c *jpegComponent, block []int16) {
	if s.endOfBand > 0 {
		s.endOfBand--
		return
	}
	ac := s.huff[1][c.ac]
	for k := s.start; k <= s.end; k++ {
		code := s.bits.code(ac)
		run, size := code>>4, code&15
		if size == 0 {
			if run != 15 {
				s.endOfBand = 1<<run + s.bits.take(run) - 1
				return
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return
		}
		block[zigzag[k]] = int16(s.bits.signed(size) << s.low)
	}
}

// refine adds a bit to the coefficients of a band.
func (s *scan) refine(c *jpegComponent, block []int16) {
	one := int16(1) << s.low
	ac := s.huff[1][c.ac]
	k := s.start
	if s.endOfBand == 0 {
		for ; k <= s.end; k++ {
			code := s.bits.code(ac)
			run, size := code>>4, code&15
			value := int16(0)
			if size != 0 {
				value = -one
				if s.bits.take(1) != 0 {
					value = one
				}
			} else if run != 15 {
				s.endOfBand = 1<<run + s.bits.take(run)
				break
			}
			for ; k <= s.end; k++ {
				at := &block[zigzag[k]]
				if *at != 0 {
					s.correct(at, one)
					continue
				}
				if run == 0 {
					*at = value
					break
				}
				run--
			}
		}
	}
	if s.endOfBand > 0 {
		for ; k <= s.end; k++ {
			if at := &block[zigzag[k]]; *at != 0 {
				s.correct(at, one)
			}
		}
		s.endOfBand--
	}
}

func (s *scan) correct(at *int16, one int16) {
	if s.bits.take(1) == 0 || *at&one != 0 {
		return
	}
	if *at >= 0 {
		*at += one
	} else {
		*at -= one
	}
}
