package decode

import (
	"bytes"
	"encoding/binary"
	"math"

	"golang.org/x/image/tiff"
)

// tiff reads the first picture of a TIFF file.
func (r *Reader) tiff(data []byte) (*Picture, error) {
	p := &Picture{Orientation: exifOrientation(data)}
	if f, ok, err := r.deepGrey(data); ok || err != nil {
		p.Frames = []Frame{f}
		return p, err
	}
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, broken("%v", err)
	}
	if err := r.room(c.Width, c.Height, 16); err != nil {
		return nil, err
	}
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, broken("%v", err)
	}
	p.Frames = []Frame{converted(img)}
	return p, nil
}

// deepGrey reads grey of 32 bits that is not packed, which the library does
// not: whole numbers are divided by 255, as the recorded server does, floats
// are cut off.
func (r *Reader) deepGrey(data []byte) (f Frame, ok bool, err error) {
	d := directory(data)
	if d == nil || d.one(258, 1) != 32 || d.one(277, 1) != 1 || d.one(259, 1) != 1 || d.one(262, 1) > 1 {
		return f, false, nil
	}
	f.Width, f.Height = int(d.one(256, 0)), int(d.one(257, 0))
	if err := r.room(f.Width, f.Height, 3); err != nil {
		return f, true, err
	}
	f.RGB = make([]byte, 3*f.Width*f.Height)
	format := d.one(339, 1)
	i := 0
	sizes := d.all(279)
	for n, offset := range d.all(273) {
		if n >= len(sizes) || uint64(offset)+uint64(sizes[n]) > uint64(len(data)) {
			break
		}
		for strip := data[offset : offset+sizes[n]]; len(strip) >= 4 && 3*i < len(f.RGB); strip = strip[4:] {
			v := sample(d.order.Uint32(strip), format)
			f.RGB[3*i], f.RGB[3*i+1], f.RGB[3*i+2] = v, v, v
			i++
		}
	}
	return f, true, nil
}

func sample(v, format uint32) byte {
	if format == 3 {
		f := math.Float32frombits(v)
		if !(f > 0) {
			return 0
		}
		return byte(min(f, 255))
	}
	return byte(max(0, min(float64(int32(v))/255, 255)))
}

// tags are the entries of a TIFF's first directory.
type tags struct {
	order binary.ByteOrder
	data  []byte
	at    map[uint16][]byte // the entry, 12 bytes
}

func directory(data []byte) *tags {
	d := &tags{order: binary.LittleEndian, data: data, at: map[uint16][]byte{}}
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	if len(data) < 8 {
		return nil
	}
	at := uint64(d.order.Uint32(data[4:]))
	if at+2 > uint64(len(data)) {
		return nil
	}
	for i := range uint64(d.order.Uint16(data[at:])) {
		e := at + 2 + 12*i
		if e+12 > uint64(len(data)) {
			break
		}
		d.at[d.order.Uint16(data[e:])] = data[e : e+12]
	}
	return d
}

// all are a tag's whole numbers of 16 or 32 bits.
func (d *tags) all(tag uint16) []uint32 {
	e := d.at[tag]
	if e == nil {
		return nil
	}
	width := uint64(4)
	if d.order.Uint16(e[2:]) == 3 {
		width = 2
	}
	count := uint64(d.order.Uint32(e[4:]))
	from := e[8:12]
	if count*width > 4 {
		at := uint64(d.order.Uint32(e[8:]))
		if at+count*width > uint64(len(d.data)) {
			return nil
		}
		from = d.data[at : at+count*width]
	}
	out := make([]uint32, 0, count)
	for i := range count {
		if width == 2 {
			out = append(out, uint32(d.order.Uint16(from[2*i:])))
		} else {
			out = append(out, d.order.Uint32(from[4*i:]))
		}
	}
	return out
}

// one is a tag's first number.
func (d *tags) one(tag uint16, otherwise uint32) uint32 {
	if all := d.all(tag); len(all) > 0 {
		return all[0]
	}
	return otherwise
}
