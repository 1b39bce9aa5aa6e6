package decode

// huffman is a table of codes, looked up 8 bits at a time.
type huffman struct {
	fast   [256]uint16 // length<<8 | value; 0: longer than 8 bits
	most   [18]int32   // largest code of a length, -1 without any
	offset [17]int32   // from a code to its value
	values []byte
}

func (j *jpegFile) tables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return broken("a JPEG with a wrong code table")
		}
		class, id := b[0]>>4, b[0]&15
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if class > 1 || id > 3 || n > 256 || len(b) < 17+n {
			return broken("a JPEG with a wrong code table")
		}
		h := &huffman{values: b[17 : 17+n]}
		if !h.build(b[1:17]) {
			return broken("a JPEG with a wrong code table")
		}
		j.huff[class][id] = h
		b = b[17+n:]
	}
	return nil
}

func (h *huffman) build(counts []byte) bool {
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.offset[length] = k - code
		n := int32(counts[length-1])
		for range n {
			if code >= 1<<length {
				return false
			}
			if length <= 8 {
				first := code << (8 - length)
				for i := range int32(1) << (8 - length) {
					h.fast[first+i] = uint16(length)<<8 | uint16(h.values[k])
				}
			}
			code++
			k++
		}
		h.most[length] = -1
		if n > 0 {
			h.most[length] = code - 1
		}
		code <<= 1
	}
	h.most[17] = 1 << 30
	return true
}

// bits reads the coded data of a scan, up to a marker; after it come zeros.
type bits struct {
	data  []byte
	at    int
	acc   uint64
	n     int
	ended bool // a marker or the end of the file is next
	short bool // more bits were asked for than there are
}

func (b *bits) fill() {
	for b.n <= 48 {
		if b.ended || b.at >= len(b.data) {
			b.ended = true
			return
		}
		c := b.data[b.at]
		if c == 0xff {
			next := b.at + 1
			for next < len(b.data) && b.data[next] == 0xff {
				next++
			}
			if next >= len(b.data) || b.data[next] != 0 {
				b.ended = true
				return
			}
			b.at = next
		}
		b.at++
		b.acc = b.acc<<8 | uint64(c)
		b.n += 8
	}
}

// need makes n bits available, zeros if there are none left.
func (b *bits) need(n int) {
	if b.n >= n {
		return
	}
	if b.fill(); b.n >= n {
		return
	}
	b.short = true
	b.acc <<= 25
	b.n += 25
}

func (b *bits) take(n int) int32 {
	if n == 0 {
		return 0
	}
	b.need(n)
	b.n -= n
	return int32(b.acc>>b.n) & (1<<n - 1)
}

// signed reads a number of n bits in JPEG's way.
func (b *bits) signed(n int) int32 {
	v := b.take(n)
	if n > 0 && v < 1<<(n-1) {
		v += -1<<n + 1
	}
	return v
}

func (b *bits) code(h *huffman) int {
	if b.n < 16 {
		b.fill()
	}
	if b.n >= 8 {
		if f := h.fast[b.acc>>(b.n-8)&255]; f != 0 {
			b.n -= int(f >> 8)
			return int(f & 255)
		}
	}
	code := int32(0)
	for length := 1; length <= 16; length++ {
		code = code<<1 | b.take(1)
		if code <= h.most[length] {
			if i := code + h.offset[length]; i >= 0 && int(i) < len(h.values) {
				return int(h.values[i])
			}
			return 0
		}
	}
	return 0
}
