package node

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// How torch prints tensors: floats with four digits, at most three elements at
// each end of an axis when there are more than a thousand, lines of 80.
const (
	tensorDigits    = 4
	tensorSummary   = 1000
	tensorEdge      = 3
	tensorLineWidth = 80
)

// tensor is torch's text of a float32 tensor of that shape.
func tensor(values []float32, shape ...int) string {
	if len(values) == 0 {
		if len(shape) == 1 {
			return "tensor([])"
		}
		sizes := make([]string, len(shape))
		for i, n := range shape {
			sizes[i] = strconv.Itoa(n)
		}
		return "tensor([], size=(" + strings.Join(sizes, ", ") + "))"
	}
	p := printer{summary: len(values) > tensorSummary}
	var seen []float32
	p.each(values, shape, func(v float32) { seen = append(seen, v) })
	p.choose(seen)
	return "tensor(" + p.text(values, shape, len("tensor(")) + ")"
}

// printer formats the numbers of one tensor alike.
type printer struct {
	summary    bool // leave the middle out
	whole      bool // all are whole numbers: "0."
	scientific bool
	width      int
}

// edges are the indices that are shown of an axis; -1 stands for "...".
func (p *printer) edges(n int) []int {
	var all []int
	if p.summary && n > 2*tensorEdge {
		return []int{0, 1, 2, -1, n - 3, n - 2, n - 1}
	}
	for i := range n {
		all = append(all, i)
	}
	return all
}

func (p *printer) each(values []float32, shape []int, f func(float32)) {
	if len(shape) == 0 {
		f(values[0])
		return
	}
	step := len(values) / shape[0]
	for _, i := range p.edges(shape[0]) {
		if i >= 0 {
			p.each(values[i*step:(i+1)*step], shape[1:], f)
		}
	}
}

// choose looks at the numbers that are shown and decides on one form.
func (p *printer) choose(shown []float32) {
	var finite []float64
	for _, v := range shown {
		if a := math.Abs(float64(v)); a > 0 && !math.IsInf(a, 0) && !math.IsNaN(a) {
			finite = append(finite, a)
		}
	}
	if p.width, p.whole = 1, true; len(finite) == 0 {
		return
	}
	least, most := slices.Min(finite), slices.Max(finite)
	p.whole = !slices.ContainsFunc(finite, func(a float64) bool { return a != math.Ceil(a) })
	p.scientific = most/least > 1000 || most > 1e8 || !p.whole && least < 1e-4
	for _, v := range shown {
		p.width = max(p.width, len(p.number(v)))
	}
}

func (p *printer) number(v float32) string {
	f := float64(v)
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case p.scientific:
		return strconv.FormatFloat(f, 'e', tensorDigits, 64)
	case p.whole:
		return strconv.FormatFloat(f, 'f', 0, 64) + "."
	}
	return strconv.FormatFloat(f, 'f', tensorDigits, 64)
}

func (p *printer) text(values []float32, shape []int, indent int) string {
	if len(shape) == 1 {
		return p.line(values, indent)
	}
	step := len(values) / shape[0]
	var parts []string
	for _, i := range p.edges(shape[0]) {
		if i < 0 {
			parts = append(parts, "...")
			continue
		}
		parts = append(parts, p.text(values[i*step:(i+1)*step], shape[1:], indent+1))
	}
	return "[" + strings.Join(parts, ","+strings.Repeat("\n", len(shape)-1)+strings.Repeat(" ", indent+1)) + "]"
}

func (p *printer) line(values []float32, indent int) string {
	perLine := max(1, (tensorLineWidth-indent)/(p.width+2))
	var items []string
	for _, i := range p.edges(len(values)) {
		if i < 0 {
			items = append(items, " ...")
			continue
		}
		items = append(items, fmt.Sprintf("%*s", p.width, p.number(values[i])))
	}
	var lines []string
	for chunk := range slices.Chunk(items, perLine) {
		lines = append(lines, strings.Join(chunk, ", "))
	}
	return "[" + strings.Join(lines, ",\n"+strings.Repeat(" ", indent+1)) + "]"
}
