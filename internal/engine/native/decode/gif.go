package decode

import (
	"bytes"
	"image"
	"image/gif"
)

// gif reads all frames, each whole. The first keeps its palette's transparency
// as alpha; later ones are drawn over what is left of the one before.
func (r *Reader) gif(data []byte) (*Picture, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, broken("%v", err)
	}
	if err := r.room(c.Width, c.Height, 8); err != nil {
		return nil, err
	}
	n := gifFrames(data)
	if err := r.room(c.Width, c.Height, 5*n); n > 1 && err != nil {
		return nil, err
	}
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil || len(g.Image) == 0 {
		return nil, broken("%v", err)
	}
	p := &Picture{}
	canvas := Frame{Width: c.Width, Height: c.Height, RGB: make([]byte, 3*c.Width*c.Height), Alpha: make([]byte, c.Width*c.Height)}
	for i, m := range g.Image {
		if err := r.check(); err != nil {
			return nil, err
		}
		before := canvas
		canvas = canvas.copy()
		canvas.draw(m)
		f := canvas.copy()
		if !seethrough(f.Alpha) && (i > 0 || m.Opaque()) {
			f.Alpha = nil
		}
		if i == 0 && greyRamp(m) {
			f.Keyed = true
		}
		p.Frames = append(p.Frames, f)
		switch g.Disposal[i] {
		case gif.DisposalBackground:
			b := m.Bounds().Intersect(image.Rect(0, 0, c.Width, c.Height))
			canvas.clear(b.Min.X, b.Min.Y, b.Dx(), b.Dy())
		case gif.DisposalPrevious:
			canvas = before
		}
	}
	return p, nil
}

func seethrough(alpha []byte) bool {
	for _, a := range alpha {
		if a != 255 {
			return true
		}
	}
	return false
}

// greyRamp reports whether the palette is 0, 1, 2, … in grey: then the picture
// counts as grey, not as one with a palette.
func greyRamp(m *image.Paletted) bool {
	for i, c := range m.Palette {
		r, g, b, a := c.RGBA()
		if a == 0xffff && (int(r>>8) != i || int(g>>8) != i || int(b>>8) != i) {
			return false
		}
	}
	return true
}

// draw puts the visible pixels of a part into the frame.
func (f Frame) draw(m *image.Paletted) {
	b := m.Bounds().Intersect(image.Rect(0, 0, f.Width, f.Height))
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, a := m.At(x, y).RGBA()
			i := y*f.Width + x
			if a != 0 {
				f.RGB[3*i], f.RGB[3*i+1], f.RGB[3*i+2], f.Alpha[i] = byte(r>>8), byte(g>>8), byte(bl>>8), 255
			}
		}
	}
}

// gifFrames counts the pictures of a file without decoding them.
func gifFrames(data []byte) int {
	if len(data) < 13 {
		return 0
	}
	at, n := 13, 0
	if data[10]&0x80 != 0 {
		at += 3 << (data[10]&7 + 1)
	}
	skip := func() {
		for at < len(data) && data[at] != 0 {
			at += 1 + int(data[at])
		}
		at++
	}
	for at < len(data) {
		switch data[at] {
		case 0x2c:
			n++
			if at+9 >= len(data) {
				return n
			}
			packed := data[at+9]
			at += 10
			if packed&0x80 != 0 {
				at += 3 << (packed&7 + 1)
			}
			at++ // the size of the codes
			skip()
		case 0x21:
			at += 2
			skip()
		default:
			return n
		}
	}
	return n
}
