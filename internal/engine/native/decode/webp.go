package decode

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"
)

// webp reads a still WebP, or all frames of a moving one.
func (r *Reader) webp(data []byte) (*Picture, error) {
	all := riffChunks(data[12:])
	p := &Picture{}
	var width, height int
	var alpha, plays bool
	for _, c := range all {
		switch c.kind {
		case "VP8X":
			if len(c.body) < 10 {
				return nil, broken("a WebP with a wrong header")
			}
			alpha, plays = c.body[0]&0x10 != 0, c.body[0]&0x02 != 0
			width, height = 1+int24(c.body[4:]), 1+int24(c.body[7:])
		case "EXIF":
			p.Orientation = exifOrientation(c.body)
		case "VP8L":
			if !plays && len(c.body) >= 5 && width == 0 {
				alpha = c.body[4]&0x10 != 0
			}
		}
	}
	if plays {
		return p, r.webpFrames(p, all, width, height, alpha)
	}
	f, err := r.webpStill(data, alpha)
	p.Frames = []Frame{f}
	return p, err
}

func (r *Reader) webpStill(data []byte, alpha bool) (Frame, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Frame{}, broken("%v", err)
	}
	if err := r.room(c.Width, c.Height, 12); err != nil {
		return Frame{}, err
	}
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return Frame{}, broken("%v", err)
	}
	f := webpFrame(img)
	if !alpha {
		f.Alpha = nil
	} else if f.Alpha == nil {
		f.Alpha = bytes.Repeat([]byte{255}, f.Width*f.Height)
	}
	return f, r.check()
}

func webpFrame(img image.Image) Frame {
	switch m := img.(type) {
	case *image.YCbCr:
		return lossy(m, nil, 0)
	case *image.NYCbCrA:
		return lossy(&m.YCbCr, m.A, m.AStride)
	}
	return converted(img)
}

// riff is a chunk of a RIFF file.
type riff struct {
	kind string
	body []byte
}

func riffChunks(b []byte) (all []riff) {
	for len(b) >= 8 {
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		body := b[8:]
		if n < int64(len(body)) {
			body = body[:n]
		}
		all = append(all, riff{string(b[:4]), body})
		if n += n & 1; n >= int64(len(b)-8) {
			break
		}
		b = b[8+n:]
	}
	return all
}

func int24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func (r *Reader) webpFrames(p *Picture, all []riff, width, height int, alpha bool) error {
	if err := r.room(width, height, 4); err != nil {
		return err
	}
	canvas := Frame{Width: width, Height: height, RGB: make([]byte, 3*width*height), Alpha: make([]byte, width*height)}
	for _, c := range all {
		if c.kind != "ANMF" || len(c.body) < 16 {
			continue
		}
		x, y := 2*int24(c.body), 2*int24(c.body[3:])
		w, h := 1+int24(c.body[6:]), 1+int24(c.body[9:])
		flags := c.body[15]
		if x+w > width || y+h > height {
			return broken("a frame outside its picture")
		}
		piece, err := r.webpStill(wrapped(riffChunks(c.body[16:]), w, h), true)
		if err != nil {
			return err
		}
		if piece.Width != w || piece.Height != h {
			return broken("a frame of another size than it says")
		}
		if err := r.room(width, height, 4); err != nil {
			return err
		}
		canvas = canvas.copy()
		canvas.overlay(piece, x, y, flags&2 == 0)
		f := canvas
		if !alpha {
			f.Alpha = nil
		}
		p.Frames = append(p.Frames, f)
		if flags&1 != 0 {
			canvas = canvas.copy()
			canvas.clear(x, y, w, h)
		}
	}
	if p.Frames == nil {
		return broken("a moving WebP without frames")
	}
	return nil
}

// wrapped makes a file of its own of a frame.
func wrapped(all []riff, width, height int) []byte {
	var out []byte
	add := func(kind string, body []byte) {
		out = append(out, kind...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
		out = append(out, body...)
		if len(body)%2 == 1 {
			out = append(out, 0)
		}
	}
	for _, c := range all {
		switch c.kind {
		case "ALPH":
			w, h := width-1, height-1
			add("VP8X", []byte{0x10, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
			add(c.kind, c.body)
		case "VP8 ", "VP8L":
			add(c.kind, c.body)
		}
	}
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(out)+4))
	return append(append(head, "WEBP"...), out...)
}

// overlay puts a piece at (x, y), over what is there or in its place, with
// libwebp's arithmetic.
func (f Frame) overlay(piece Frame, x, y int, over bool) {
	for row := range piece.Height {
		for col := range piece.Width {
			i, j := (y+row)*f.Width+x+col, row*piece.Width+col
			a, below := uint32(piece.Alpha[j]), uint32(0)
			if over && a != 255 {
				below = uint32(f.Alpha[i]) * (256 - a) >> 8
				if a == 0 {
					continue
				}
			}
			if below == 0 {
				copy(f.RGB[3*i:3*i+3], piece.RGB[3*j:])
				f.Alpha[i] = byte(a)
				continue
			}
			sum := a + below
			scale := uint32(1<<24) / sum
			for c := range 3 {
				f.RGB[3*i+c] = byte((uint32(piece.RGB[3*j+c])*a + uint32(f.RGB[3*i+c])*below) * scale >> 24)
			}
			f.Alpha[i] = byte(sum)
		}
	}
}
