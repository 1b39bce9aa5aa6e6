package decode

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngFile is what the chunks of a PNG file say.
type pngFile struct {
	width, height int
	depth, kind   int
	interlaced    bool
	palette       []byte // RGB
	key           []byte // tRNS
	orientation   int
	data          [][]byte // IDAT
	plays         bool     // acTL was there
	hidden        bool     // the still picture is no part of the animation
	parts         []apngPart
}

// apngPart is a frame of an APNG.
type apngPart struct {
	width, height, x, y int
	dispose, blend      byte
	data                [][]byte
}

// channels a pixel has, by colour type.
var pngChannels = map[int]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

func (r *Reader) png(data []byte) (*Picture, error) {
	f, err := parsePNG(data)
	if err != nil {
		return nil, err
	}
	still, err := r.pngFrame(f, f.width, f.height, f.data)
	if err != nil {
		return nil, err
	}
	p := &Picture{Frames: []Frame{still}, Orientation: f.orientation}
	if !f.plays || len(f.parts) == 0 {
		return p, nil
	}
	return p, r.apng(f, p)
}

// parsePNG walks the chunks; a file may end anywhere after its header.
func parsePNG(data []byte) (*pngFile, error) {
	f := &pngFile{}
	seen := false
	for at := len(pngMagic); at+8 <= len(data); {
		size := int64(binary.BigEndian.Uint32(data[at:]))
		kind := string(data[at+4 : at+8])
		body := data[at+8:]
		whole := int64(len(body)) >= size
		if whole {
			body = body[:size]
		}
		if !seen && kind != "IHDR" {
			return nil, broken("a PNG without a header")
		}
		seen = true
		if !whole && kind != "IDAT" && kind != "fdAT" {
			break
		}
		if kind == "IEND" {
			break
		}
		if err := f.chunk(kind, body); err != nil {
			return nil, err
		}
		if !whole {
			break
		}
		at += 12 + int(size)
	}
	if f.width == 0 {
		return nil, broken("a PNG without a header")
	}
	return f, nil
}

func (f *pngFile) chunk(kind string, body []byte) error {
	switch kind {
	case "IHDR":
		return f.header(body)
	case "PLTE":
		f.palette = body
	case "tRNS":
		f.key = body
	case "eXIf":
		f.orientation = exifOrientation(body)
	case "acTL":
		f.plays = len(f.data) == 0
	case "fcTL":
		if len(body) < 26 {
			return broken("a frame without its size")
		}
		if len(f.parts) == 0 && len(f.data) > 0 {
			f.hidden = true
		}
		f.parts = append(f.parts, apngPart{
			width: int(binary.BigEndian.Uint32(body[4:])), height: int(binary.BigEndian.Uint32(body[8:])),
			x: int(binary.BigEndian.Uint32(body[12:])), y: int(binary.BigEndian.Uint32(body[16:])),
			dispose: body[24], blend: body[25],
		})
	case "IDAT":
		f.data = append(f.data, body)
	case "fdAT":
		if n := len(f.parts); n > 0 && len(body) > 4 {
			f.parts[n-1].data = append(f.parts[n-1].data, body[4:])
		}
	}
	return nil
}

func (f *pngFile) header(b []byte) error {
	if len(b) < 13 || f.width != 0 {
		return broken("a PNG with a wrong header")
	}
	f.width, f.height = int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:]))
	f.depth, f.kind, f.interlaced = int(b[8]), int(b[9]), b[12] == 1
	ok := pngChannels[f.kind] > 0 && f.width > 0 && f.height > 0 && b[10] == 0 && b[11] == 0 && b[12] <= 1
	switch f.depth {
	case 8:
	case 16:
		ok = ok && f.kind != 3
	case 1, 2, 4:
		ok = ok && (f.kind == 0 || f.kind == 3)
	default:
		ok = false
	}
	if !ok {
		return broken("a PNG with a wrong header")
	}
	return nil
}

// pngFrame unpacks the pixels of one frame. Rows that are missing stay 0.
func (r *Reader) pngFrame(f *pngFile, width, height int, data [][]byte) (Frame, error) {
	bits := f.depth * pngChannels[f.kind]
	if err := r.room(width, height, 4+(bits+7)/8); err != nil {
		return Frame{}, err
	}
	rows := make([]byte, height*((width*bits+7)/8))
	// What is there is taken: a cut file is read as far as it goes.
	_ = r.unpack(f, rows, width, height, bits, data)
	if err := r.check(); err != nil {
		return Frame{}, err
	}
	return f.frame(rows, width, height), nil
}

func (r *Reader) unpack(f *pngFile, rows []byte, width, height, bits int, data [][]byte) error {
	z, err := zlib.NewReader(io.MultiReader(readers(data)...))
	if err != nil {
		return err
	}
	defer z.Close()
	if f.interlaced {
		return r.passes(z, rows, width, height, bits)
	}
	return r.rows(z, rows, width, height, bits)
}

func readers(data [][]byte) []io.Reader {
	all := make([]io.Reader, len(data))
	for i, d := range data {
		all[i] = bytes.NewReader(d)
	}
	return all
}

// rows reads filtered rows into out, as many as there are.
func (r *Reader) rows(z io.Reader, out []byte, width, height, bits int) error {
	stride, step := (width*bits+7)/8, max(1, bits/8)
	prev := make([]byte, stride)
	line := make([]byte, stride+1)
	for y := range height {
		if y%64 == 0 {
			if err := r.check(); err != nil {
				return err
			}
		}
		if _, err := io.ReadFull(z, line); err != nil {
			return err
		}
		row := out[y*stride : (y+1)*stride]
		copy(row, line[1:])
		if !unfilter(line[0], row, prev, step) {
			return broken("an unknown filter")
		}
		prev = row
	}
	return nil
}

func unfilter(kind byte, row, prev []byte, step int) bool {
	switch kind {
	case 0:
	case 1:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i := range row {
			row[i] += prev[i]
		}
	case 3:
		for i := range row {
			left := 0
			if i >= step {
				left = int(row[i-step])
			}
			row[i] += byte((left + int(prev[i])) / 2)
		}
	case 4:
		for i := range row {
			var a, c int
			if i >= step {
				a, c = int(row[i-step]), int(prev[i-step])
			}
			row[i] += paeth(a, int(prev[i]), c)
		}
	default:
		return false
	}
	return true
}

func paeth(a, b, c int) byte {
	pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
	if pa <= pb && pa <= pc {
		return byte(a)
	}
	if pb <= pc {
		return byte(b)
	}
	return byte(c)
}

func abs(v int) int { return max(v, -v) }

// passes reads the seven interlaced passes (Adam7).
func (r *Reader) passes(z io.Reader, out []byte, width, height, bits int) error {
	stride := (width*bits + 7) / 8
	for _, p := range [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		x0, y0, dx, dy := p[0], p[1], p[2], p[3]
		w, h := (width-x0+dx-1)/dx, (height-y0+dy-1)/dy
		if w <= 0 || h <= 0 {
			continue
		}
		part := make([]byte, h*((w*bits+7)/8))
		err := r.rows(z, part, w, h, bits)
		partStride := (w*bits + 7) / 8
		for y := range h {
			for x := range w {
				move(out[(y0+y*dy)*stride:], x0+x*dx, part[y*partStride:], x, bits)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// move copies one pixel between packed rows.
func move(to []byte, i int, from []byte, j, bits int) {
	if bits >= 8 {
		n := bits / 8
		copy(to[i*n:(i+1)*n], from[j*n:])
		return
	}
	v := from[j*bits/8] >> (8 - bits - j*bits%8) & (1<<bits - 1)
	to[i*bits/8] |= v << (8 - bits - i*bits%8)
}
