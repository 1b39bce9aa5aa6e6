// Package picture opens pictures that strangers sent and makes others of them,
// for surfaces; engines have their own pixels.
//
// What holds: no picture is decoded before its size is known to be within
// limits, and all that are being decoded at one time have no more pixels than
// the largest one allowed, so that requests cannot take the machine's memory.
// Pixels are 8 bits a channel and not multiplied by alpha: colours under a
// transparent pixel stay.
package picture

import (
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // a format of Open
	_ "image/jpeg" // a format of Open
	_ "image/png"  // a format of Open
	"io"

	_ "golang.org/x/image/bmp"  // a format of Open
	_ "golang.org/x/image/tiff" // a format of Open
	_ "golang.org/x/image/webp" // a format of Open
	"golang.org/x/sync/semaphore"

	"github.com/settee/settee"
)

// Limits of a picture, those of Comfy Cloud.
const (
	MaxSide   = 16384
	MaxPixels = 64 << 20
)

// room is shared by all pictures that are being worked on.
var room = semaphore.NewWeighted(MaxPixels)

// Picture is a decoded picture, the first frame of an animation.
type Picture struct {
	*image.NRGBA
	Alpha bool // the file has an alpha channel, be it opaque everywhere
	held  int64
}

// Close lets go of the picture's share of memory. The pixels must not be used
// afterwards. Twice is once.
func (p *Picture) Close() {
	room.Release(p.held)
	p.held = 0
	p.NRGBA = nil
}

// Open decodes PNG, JPEG, WebP, GIF, BMP or TIFF, waiting for its share of
// memory; the caller closes it. Who needs two pictures closes the first before
// opening the second. Faults: CodeInvalid for what is no picture or a damaged
// one, CodeTooLarge for one over the limits.
func Open(ctx context.Context, content io.ReadSeeker) (*Picture, error) {
	c, _, err := image.DecodeConfig(content)
	if err != nil {
		return nil, unreadable(err)
	}
	if c.Width > MaxSide || c.Height > MaxSide || c.Width*c.Height > MaxPixels {
		return nil, settee.Faultf(settee.CodeTooLarge, "The picture has %d × %d pixels; at most %d a side and %d in all are allowed.",
			c.Width, c.Height, MaxSide, MaxPixels)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return nil, unreadable(errors.New("no pixels"))
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	p := &Picture{held: int64(c.Width) * int64(c.Height)}
	if err := room.Acquire(ctx, p.held); err != nil {
		return nil, err
	}
	src, _, err := image.Decode(content)
	if err == nil && int64(src.Bounds().Dx())*int64(src.Bounds().Dy()) > p.held {
		err = fmt.Errorf("%v pixels and not the %d of the header", src.Bounds(), p.held)
	}
	if err != nil {
		p.Close()
		return nil, unreadable(err)
	}
	p.NRGBA, p.Alpha = plain(src)
	return p, nil
}

func unreadable(err error) error {
	return &settee.Fault{Code: settee.CodeInvalid, Message: "The file is not a picture that can be read.", Err: err}
}
