package pixel

import (
	"strconv"
	"strings"
)

// Quantize reduces every picture to at most colors colours, chosen from it by
// median cut. Dither is "none", "floyd-steinberg" or "bayer-N", N a power of
// two.
func (w *Work) Quantize(src *Image, colors int, dither string) (*Image, error) {
	if src.C != 3 {
		return nil, raise("RuntimeError", "The expanded size of the tensor (%d) must match the existing size (3) at non-singleton dimension 2.  Target sizes: [%d, %d, %d].  Tensor sizes: [%d, %d, 3]",
			src.C, src.H, src.W, src.C, src.H, src.W)
	}
	if colors < 1 || colors > 256 {
		return nil, raise("ValueError", "bad number of colors")
	}
	order := 0
	switch bayer, isBayer := strings.CutPrefix(dither, "bayer-"); {
	case isBayer:
		var err error
		if order, err = strconv.Atoi(bayer); err != nil || order < 1 || order&(order-1) != 0 || order > 256 {
			return nil, raise("ValueError", "invalid literal for int() with base 10: '%s'", bayer)
		}
	case dither != "none" && dither != "floyd-steinberg":
		return nil, raise("UnboundLocalError", "cannot access local variable 'quantized_image' where it is not associated with a value")
	}
	out, err := w.New(src.N, src.H, src.W, 3)
	if err != nil {
		return nil, err
	}
	if err := w.take(3 * int64(src.H) * int64(src.W)); err != nil {
		return nil, err
	}
	for n := range src.N {
		bytes := quantised(src.Frame(n))
		if len(bytes) == 0 {
			break
		}
		colours, err := w.medianCut(bytes, src.W, colors)
		if err != nil {
			return nil, err
		}
		p := newPalette(colours, src.W)
		switch {
		case dither == "floyd-steinberg":
			err = w.lines(bytes, src.W, p.diffuse)
		case order > 0:
			err = w.lines(bytes, src.W, func(y int, row []byte) {
				p.ordered(y, row, order)
				p.nearest(row)
			})
		default:
			err = w.lines(bytes, src.W, func(_ int, row []byte) { p.nearest(row) })
		}
		if err != nil {
			return nil, err
		}
		to := out.Frame(n).Pix
		for i, v := range bytes {
			to[i] = float32(v) / 255
		}
	}
	return out, nil
}

// lines calls f for each row of RGB bytes in turn and stops when the context
// ends.
func (w *Work) lines(pix []byte, width int, f func(y int, row []byte)) error {
	for y := 0; y*3*width < len(pix); y++ {
		if err := w.Err(); err != nil {
			return err
		}
		f(y, pix[y*3*width:(y+1)*3*width])
	}
	return nil
}

// palette finds the colour nearest to another one, as seen in steps of four:
// the lowest two bits do not count.
type palette struct {
	colours []colour
	known   map[colour]int
	below   []int // what diffuse hands to the next row
	pattern [][]float32
}

func newPalette(colours []colour, width int) *palette {
	return &palette{colours: colours, known: map[colour]int{}, below: make([]int, 3*(width+1))}
}

func (p *palette) find(r, g, b uint8) colour {
	key := colour{r &^ 3, g &^ 3, b &^ 3}
	at, ok := p.known[key]
	if !ok {
		least := 1 << 30
		for i, c := range p.colours {
			d := 0
			for k := range 3 {
				away := int(c[k]) - int(key[k])
				d += away * away
			}
			if d < least {
				least, at = d, i
			}
		}
		p.known[key] = at
	}
	return p.colours[at]
}

// nearest replaces every pixel by the palette's nearest.
func (p *palette) nearest(pix []byte) {
	for i := 0; i+3 <= len(pix); i += 3 {
		c := p.find(pix[i], pix[i+1], pix[i+2])
		copy(pix[i:], c[:])
	}
}

// diffuse does the same and hands what is lost to the neighbours to come: 7/16
// to the right, 3, 5 and 1 sixteenths below.
func (p *palette) diffuse(_ int, row []byte) {
	var carry, first, second, last [3]int
	below := p.below
	for i := 0; i < len(row); i += 3 {
		var v [3]uint8
		for k := range 3 {
			v[k] = uint8(min(max(int(row[i+k])+(carry[k]+below[i+3+k])/16, 0), 255))
		}
		c := p.find(v[0], v[1], v[2])
		for k := range 3 {
			lost := int(v[k]) - int(c[k])
			below[i+k] = 3*lost + first[k]
			first[k] = 5*lost + second[k]
			second[k], last[k] = lost, lost
			carry[k] = 7 * lost
			row[i+k] = c[k]
		}
	}
	// The last place below gets the third channel's remainders.
	copy(below[len(row):], []int{first[2], second[2], last[2]})
}

// ordered adds a Bayer pattern of order × order, as strong as the palette is
// coarse.
func (p *palette) ordered(y int, row []byte, order int) {
	if p.pattern == nil {
		p.pattern = bayer(order)
	}
	spread := 2 * 256 / float64(len(p.colours))
	for i := range row {
		v := float32(row[i]) + float32(spread*float64(p.pattern[y%order][i/3%order])+0.5)
		row[i] = byte(min(max(v, 0), 255))
	}
}

// bayer is the pattern's matrix, around 0.
func bayer(order int) [][]float32 {
	if order == 1 {
		return [][]float32{{0}}
	}
	q := float32(order * order)
	inner := bayer(order / 2)
	half := order / 2
	m := make([][]float32, order)
	for y := range m {
		m[y] = make([]float32, order)
		for x := range m[y] {
			add := [2][2]float32{{-1.5, 0.5}, {1.5, -0.5}}[y/half][x/half]
			m[y][x] = (float32(q*inner[y%half][x%half]) + add) / q
		}
	}
	return m
}
