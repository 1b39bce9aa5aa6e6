// Package decode reads picture files into 8-bit frames, as the recorded server
// reads them: PNG and APNG, JPEG, GIF, WebP still and moving, BMP and TIFF.
//
// What holds: dimensions are read and room is asked for before anything is
// decoded; a file that is cut off gives what is there (missing PNG rows are
// black, missing JPEG blocks grey); no input makes it panic or loop.
package decode

import (
	"bytes"
	"errors"
	"fmt"
)

// Frame is one picture: RGB three bytes a pixel, rows top down.
type Frame struct {
	Width, Height int
	RGB           []byte
	Alpha         []byte // one byte a pixel; nil: opaque
	// Keyed: the alpha comes of a colour that is said to be transparent, in a
	// file without an alpha channel and without a palette.
	Keyed bool
}

// Picture is what a file holds.
type Picture struct {
	Frames      []Frame
	Orientation int // EXIF's, 1 to 8; 0 when it is not said
}

// Reader reads a file.
type Reader struct {
	// Take asks for room, in bytes, before it is used; nil allows all.
	Take func(bytes int64) error
	// Check is called now and then and ends the work with its error; nil never
	// does.
	Check func() error
}

// ErrUnknown says that a file is no picture, or of a kind that is not read.
var ErrUnknown = errors.New("no picture that can be read")

// broken says what is wrong with a file.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnknown, fmt.Sprintf(format, args...))
}

// maxSide is the largest width or height that is read.
const maxSide = 1 << 17

// Read reads a whole file.
func (r *Reader) Read(data []byte) (*Picture, error) {
	switch {
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return r.png(data)
	case bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}):
		return r.jpeg(data)
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return r.gif(data)
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return r.webp(data)
	case bytes.HasPrefix(data, []byte("BM")):
		return r.bmp(data)
	case bytes.HasPrefix(data, []byte("II*\x00")), bytes.HasPrefix(data, []byte("MM\x00*")):
		return r.tiff(data)
	}
	return nil, ErrUnknown
}

// room asks for a picture of that size at so many bytes a pixel.
func (r *Reader) room(width, height, each int) error {
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide {
		return broken("%d×%d pixels", width, height)
	}
	if r.Take == nil {
		return nil
	}
	return r.Take(int64(width) * int64(height) * int64(each))
}

func (r *Reader) check() error {
	if r.Check == nil {
		return nil
	}
	return r.Check()
}

// blend is Pillow's mix of two bytes: a where mask is 255, b where it is 0.
func blend(a, b, mask byte) byte {
	t := uint32(a)*uint32(mask) + uint32(b)*uint32(255-mask) + 128
	return byte((t>>8 + t) >> 8)
}
