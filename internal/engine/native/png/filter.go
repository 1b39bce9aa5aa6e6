package png

// The filters of PNG, by their numbers.
const (
	none = iota
	sub
	up
	average
	paeth
)

// sampled is how many pixels of a row are skipped for each that is looked at
// when its filter is chosen.
const sampled = 5

// filter writes a row as PNG keeps it: the number of a filter, then the row
// through it. The filter is the one that leaves the least on a sample of the
// row.
func filter(out, row, prev []byte, bpp int) {
	kind := choose(row, prev, bpp)
	out[0] = byte(kind)
	out = out[1 : 1+len(row)]
	prev = prev[:len(row)]
	switch kind {
	case none:
		copy(out, row)
	case sub:
		copy(out, row[:bpp])
		for i := bpp; i < len(row); i++ {
			out[i] = row[i] - row[i-bpp]
		}
	case up:
		for i := range row {
			out[i] = row[i] - prev[i]
		}
	case average:
		for i := range bpp {
			out[i] = row[i] - prev[i]/2
		}
		for i := bpp; i < len(row); i++ {
			out[i] = row[i] - byte((int(row[i-bpp])+int(prev[i]))/2)
		}
	case paeth:
		for i := range bpp {
			out[i] = row[i] - prev[i]
		}
		left, above, corner := row, prev[bpp:], prev
		for i := range len(row) - bpp {
			out[bpp+i] = row[bpp+i] - predict(left[i], above[i], corner[i])
		}
	}
}

func choose(row, prev []byte, bpp int) int {
	var cost [paeth + 1]int
	step := bpp * (1 + sampled)
	if len(row) < 64*step {
		step = bpp
	}
	for at := bpp; at < len(row); at += step {
		for i := at; i < at+bpp; i++ {
			v, a, b, c := row[i], row[i-bpp], prev[i], prev[i-bpp]
			cost[none] += size(v)
			cost[sub] += size(v - a)
			cost[up] += size(v - b)
			cost[average] += size(v - byte((int(a)+int(b))/2))
			cost[paeth] += size(v - predict(a, b, c))
		}
	}
	best := none
	for _, kind := range [...]int{sub, up, paeth, average} {
		if cost[kind] < cost[best] {
			best = kind
		}
	}
	return best
}

// size is how far a byte is from 0, either way.
func size(b byte) int {
	v := int(int8(b))
	m := v >> 63
	return (v ^ m) - m
}

// predict is Paeth's: whichever of left, above and corner is nearest to
// left + above - corner.
func predict(a, b, c byte) byte {
	pa, pb := int(b)-int(c), int(a)-int(c)
	pc := magnitude(pa + pb)
	pa, pb = magnitude(pa), magnitude(pb)
	if pa <= pb && pa <= pc {
		return a
	}
	if pb <= pc {
		return b
	}
	return c
}

func magnitude(v int) int {
	m := v >> 63
	return (v ^ m) - m
}
