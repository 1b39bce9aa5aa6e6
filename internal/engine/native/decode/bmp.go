package decode

import (
	"bytes"

	"golang.org/x/image/bmp"
)

func (r *Reader) bmp(data []byte) (*Picture, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, broken("%v", err)
	}
	if err := r.room(c.Width, c.Height, 8); err != nil {
		return nil, err
	}
	img, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, broken("%v", err)
	}
	return &Picture{Frames: []Frame{converted(img)}}, nil
}
