package pyre

// width is how many characters a piece can take at least and at most.
func (p *parser) width(t *tree) (low, high int) {
	const many = 1 << 30
	switch t.kind {
	case literal, dot, set:
		return 1, 1
	case sequence:
		for _, kid := range t.kids {
			l, h := p.width(kid)
			low, high = min(low+l, many), min(high+h, many)
		}
	case branch, exists:
		low = many
		for _, kid := range t.kids {
			l, h := p.width(kid)
			low, high = min(low, l), max(high, h)
		}
	case group, atomic:
		return p.width(t.kids[0])
	case repeat:
		l, h := p.width(t.kids[0])
		low = min(l*t.low, many)
		switch {
		case t.high >= 0:
			high = min(h*t.high, many)
		case h > 0:
			high = many
		}
	case reference:
		w := p.widths[t.n]
		return w[0], w[1]
	}
	return low, high
}

// size is how many pieces t has, itself counted.
func (t *tree) size() int {
	n := 1
	for _, kid := range t.kids {
		n += kid.size()
	}
	return n
}
