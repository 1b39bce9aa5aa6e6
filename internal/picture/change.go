package picture

import (
	"image"

	"golang.org/x/image/draw"

	"github.com/settee/settee"
)

// Opaque drops the alpha channel; colours stay as they are.
func (p *Picture) Opaque() {
	p.alpha(func(int, int) uint8 { return 255 })
	p.Alpha = false
}

// OnlyAlpha makes every pixel black and leaves its alpha.
func (p *Picture) OnlyAlpha() {
	for i := 0; i < len(p.Pix); i += 4 {
		p.Pix[i], p.Pix[i+1], p.Pix[i+2] = 0, 0, 0
	}
	p.Alpha = true
}

// Mask is a picture's alpha alone.
type Mask struct {
	width, height int
	alpha         []uint8
}

// Mask copies the alpha channel; it is good after Close.
func (p *Picture) Mask() *Mask {
	m := &Mask{width: p.Rect.Dx(), height: p.Rect.Dy()}
	m.alpha = make([]uint8, 0, m.width*m.height)
	for y := range m.height {
		for x := range m.width {
			m.alpha = append(m.alpha, p.Pix[y*p.Stride+4*x+3])
		}
	}
	return m
}

// Put replaces the alpha channel; Fault CodeInvalid when the sizes differ.
func (p *Picture) Put(m *Mask) error {
	if w, h := p.Rect.Dx(), p.Rect.Dy(); w != m.width || h != m.height {
		return settee.Faultf(settee.CodeInvalid, "The mask has %d × %d pixels and the picture %d × %d.", m.width, m.height, w, h)
	}
	p.alpha(func(x, y int) uint8 { return m.alpha[y*m.width+x] })
	p.Alpha = true
	return nil
}

func (p *Picture) alpha(at func(x, y int) uint8) {
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			p.Pix[y*p.Stride+4*x+3] = at(x, y)
		}
	}
}

// Shrink scales the picture so that its longer side is at most side; one that
// is small enough stays as it is.
func (p *Picture) Shrink(side int) {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	longer := max(w, h)
	if longer <= side {
		return
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, w*side/longer), max(1, h*side/longer)))
	draw.BiLinear.Scale(small, small.Rect, p.NRGBA, p.Rect, draw.Src, nil)
	p.NRGBA = small
}
