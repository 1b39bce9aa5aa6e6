package decode

import (
	"bytes"
	"encoding/binary"
)

// exifOrientation finds the orientation in a TIFF structure, with or without
// "Exif\0\0" before it; 0 when it is not said.
func exifOrientation(b []byte) int {
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	if len(b) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return 0
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	n := int64(order.Uint16(b[at:]))
	for i := range n {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(b)) {
			return 0
		}
		e := b[entry:]
		if order.Uint16(e) == 0x0112 {
			v := int(order.Uint16(e[8:]))
			if order.Uint16(e[2:]) == 4 {
				v = int(order.Uint32(e[8:]))
			}
			if v >= 1 && v <= 8 {
				return v
			}
			return 0
		}
	}
	return 0
}

// Upright turns a frame as EXIF's orientation says.
func (f Frame) Upright(orientation int) Frame {
	if orientation < 2 || orientation > 8 {
		return f
	}
	w, h := f.Width, f.Height
	out := Frame{Width: w, Height: h, RGB: make([]byte, len(f.RGB)), Keyed: f.Keyed}
	if orientation >= 5 {
		out.Width, out.Height = h, w
	}
	if f.Alpha != nil {
		out.Alpha = make([]byte, len(f.Alpha))
	}
	for y := range out.Height {
		for x := range out.Width {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			i, j := y*out.Width+x, sy*w+sx
			copy(out.RGB[3*i:3*i+3], f.RGB[3*j:])
			if f.Alpha != nil {
				out.Alpha[i] = f.Alpha[j]
			}
		}
	}
	return out
}
