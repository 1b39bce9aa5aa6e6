package pixel

import "slices"

type colour [3]uint8

// tally is a colour and how many pixels have it.
type tally struct {
	colour colour
	count  int
}

// most is how many different colours are told apart before all of them lose
// their lowest bit.
const most = 65536

// tallies counts the colours of RGB bytes; shift is how many low bits were
// dropped of each channel.
func (w *Work) tallies(pix []byte, width int) (all []tally, shift uint, err error) {
	counts := map[colour]int{}
	err = w.lines(pix, width, func(_ int, row []byte) {
		for p := range slices.Chunk(row, 3) {
			counts[colour{p[0] >> shift, p[1] >> shift, p[2] >> shift}]++
			for len(counts) > most {
				shift++
				fewer := map[colour]int{}
				for c, n := range counts {
					fewer[colour{c[0] >> 1, c[1] >> 1, c[2] >> 1}] += n
				}
				counts = fewer
			}
		}
	})
	all = make([]tally, 0, len(counts))
	for c, n := range counts {
		all = append(all, tally{c, n})
	}
	return all, shift, err
}

// box is a set of colours, and after a cut the two it was cut into.
type box struct {
	colours     []tally
	pixels      int
	left, right *box
}

// reach is the highest and lowest value of each channel.
func (b *box) reach() (high, low colour) {
	low = colour{255, 255, 255}
	for _, t := range b.colours {
		for k, v := range t.colour {
			high[k], low[k] = max(high[k], v), min(low[k], v)
		}
	}
	return high, low
}

// cut splits the box across its longest side, as the eye weighs the channels,
// where half of the pixels are brighter. It reports false for a box of one
// colour.
func (b *box) cut() bool {
	high, low := b.reach()
	if high == low {
		return false
	}
	axis, best := 0, 0
	for k, weight := range [3]int{77, 150, 29} {
		if side := int(high[k]-low[k]) * weight; k == 0 || side > best {
			axis, best = k, side
		}
	}
	var counts [256]int
	for _, t := range b.colours {
		counts[t.colour[axis]] += t.count
	}
	edge, brighter := int(high[axis]), 0
	for ; edge > int(low[axis]); edge-- {
		if brighter += counts[edge]; 2*brighter > b.pixels {
			break
		}
	}
	// Left takes everything from edge up; never all of it.
	edge = max(edge, int(low[axis])+1)
	b.left, b.right = &box{}, &box{}
	for _, t := range b.colours {
		side := b.right
		if int(t.colour[axis]) >= edge {
			side = b.left
		}
		side.colours = append(side.colours, t)
		side.pixels += t.count
	}
	b.colours = nil
	return true
}

// boxes is a heap, the box of most pixels on top. The order of equal ones is
// part of the result, so the moves are exactly these. Place 0 is not used.
type boxes []*box

func (h *boxes) add(b *box) {
	*h = append(*h, b)
	k := len(*h) - 1
	for ; k != 1 && b.pixels > (*h)[k/2].pixels; k /= 2 {
		(*h)[k] = (*h)[k/2]
	}
	(*h)[k] = b
}

func (h *boxes) remove() *box {
	if len(*h) <= 1 {
		return nil
	}
	top, last := (*h)[1], (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	count := len(*h) - 1
	if count == 0 {
		return top
	}
	k := 1
	for 2*k <= count {
		l := 2 * k
		if l < count && (*h)[l].pixels < (*h)[l+1].pixels {
			l++
		}
		if last.pixels > (*h)[l].pixels {
			break
		}
		(*h)[k] = (*h)[l]
		k = l
	}
	(*h)[k] = last
	return top
}

// medianCut chooses at most n ≥ 1 colours for RGB bytes: the box with most
// pixels is cut again and again, and each box's mean is a colour.
func (w *Work) medianCut(pix []byte, width, n int) ([]colour, error) {
	all, shift, err := w.tallies(pix, width)
	if err != nil {
		return nil, err
	}
	root := &box{colours: all, pixels: len(pix) / 3}
	heap := boxes{nil}
	heap.add(root)
	for range n - 1 {
		next := heap.remove()
		for next != nil && !next.cut() {
			next = heap.remove()
		}
		if next == nil {
			break
		}
		heap.add(next.left)
		heap.add(next.right)
	}
	return w.means(root, pix, width, shift)
}

// means are the mean colours of the boxes that were not cut, left ones first.
func (w *Work) means(root *box, pix []byte, width int, shift uint) ([]colour, error) {
	entry := map[colour]int{}
	leaves := 0
	var walk func(b *box)
	walk = func(b *box) {
		if b.left != nil {
			walk(b.left)
			walk(b.right)
			return
		}
		for _, t := range b.colours {
			entry[t.colour] = leaves
		}
		leaves++
	}
	walk(root)
	sums, counts := make([][3]int, leaves), make([]int, leaves)
	err := w.lines(pix, width, func(_ int, row []byte) {
		for p := range slices.Chunk(row, 3) {
			i := entry[colour{p[0] >> shift, p[1] >> shift, p[2] >> shift}]
			counts[i]++
			for k := range 3 {
				sums[i][k] += int(p[k])
			}
		}
	})
	palette := make([]colour, leaves)
	for i, sum := range sums {
		for k := range 3 {
			palette[i][k] = uint8(0.5 + float64(sum[k])/float64(max(1, counts[i])))
		}
	}
	return palette, err
}
