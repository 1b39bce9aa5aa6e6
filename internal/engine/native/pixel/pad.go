package pixel

// PadForOutpaint puts every picture on a grey canvas with room on its sides,
// and says by a mask where there is something to paint: 1 outside, 0 inside,
// fading over feather pixels towards sides that got room.
func (w *Work) PadForOutpaint(src *Image, left, top, right, bottom, feather int) (image, mask *Image, err error) {
	width, height := src.W+left+right, src.H+top+bottom
	if left < 0 || top < 0 || right < 0 || bottom < 0 {
		return nil, nil, raise("RuntimeError", "Trying to create tensor with negative dimension: [%d, %d, %d, %d]", src.N, height, width, src.C)
	}
	if image, err = w.Paste(src, width, height, left, top, 0.5); err != nil {
		return nil, nil, err
	}
	if mask, err = w.Solid(width, height, 1, 1); err != nil {
		return nil, nil, err
	}
	soft := feather > 0 && 2*feather < src.H && 2*feather < src.W
	return image, mask, w.rows(src.H, 4*src.W, func(y int) {
		line := mask.Row(0, top+y)[left : left+src.W]
		clear(line)
		if !soft {
			return
		}
		near := src.H
		if top != 0 {
			near = min(near, y)
		}
		if bottom != 0 {
			near = min(near, src.H-y)
		}
		for x := range line {
			d := min(near, src.W)
			if left != 0 {
				d = min(d, x)
			}
			if right != 0 {
				d = min(d, src.W-x)
			}
			if d < feather {
				v := float64(feather-d) / float64(feather)
				line[x] = float32(v * v)
			}
		}
	})
}

// ResizeAndPad fits every picture into width × height and centres it there on
// a ground of one value.
func (w *Work) ResizeAndPad(src *Image, width, height int, ground float32, method Method) (*Image, error) {
	scale := min(float64(width)/float64(src.W), float64(height)/float64(src.H))
	fw, fh := int(float64(src.W)*scale), int(float64(src.H)*scale)
	fitted, err := w.Resize(src, fw, fh, method, false)
	if err != nil {
		return nil, err
	}
	return w.Paste(fitted, width, height, (width-fw)/2, (height-fh)/2, ground)
}
