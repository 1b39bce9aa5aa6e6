package decode

// apng adds the frames of an animation, each whole: what a part leaves of the
// one before it, and the part.
func (r *Reader) apng(f *pngFile, p *Picture) error {
	canvas := p.Frames[0]
	parts := f.parts
	if f.hidden { // the still picture comes first and is no part
		canvas = Frame{Width: f.width, Height: f.height, RGB: make([]byte, 3*f.width*f.height)}
		if p.Frames[0].Alpha != nil {
			canvas.Alpha = make([]byte, f.width*f.height)
		}
	} else {
		parts[0].data = f.data
		parts[0].x, parts[0].y, parts[0].width, parts[0].height = 0, 0, f.width, f.height
	}
	before := canvas.blank()
	for i, part := range parts {
		if i > 0 || f.hidden {
			if part.x < 0 || part.y < 0 || part.width <= 0 || part.height <= 0 || part.width > f.width-part.x || part.height > f.height-part.y {
				break
			}
			if part.data == nil {
				break // the file ends before it
			}
			piece, err := r.pngFrame(f, part.width, part.height, part.data)
			if err != nil {
				return err
			}
			if err := r.room(f.width, f.height, 4); err != nil {
				return err
			}
			before, canvas = canvas, canvas.copy()
			canvas.paste(piece, part.x, part.y, part.blend == 1)
			p.Frames = append(p.Frames, canvas)
		}
		switch part.dispose { // what the next part is put on
		case 1:
			canvas = canvas.copy()
			canvas.clear(part.x, part.y, part.width, part.height)
		case 2:
			canvas = before
			if i == 0 {
				canvas = p.Frames[0].blank()
			}
		}
	}
	return nil
}

func (f Frame) blank() Frame {
	f.RGB = make([]byte, len(f.RGB))
	if f.Alpha != nil {
		f.Alpha = make([]byte, len(f.Alpha))
	}
	return f
}

func (f Frame) copy() Frame {
	f.RGB = append([]byte(nil), f.RGB...)
	if f.Alpha != nil {
		f.Alpha = append([]byte(nil), f.Alpha...)
	}
	return f
}

func (f Frame) clear(x, y, width, height int) {
	for row := y; row < y+height; row++ {
		clear(f.RGB[3*(row*f.Width+x) : 3*(row*f.Width+x+width)])
		if f.Alpha != nil {
			clear(f.Alpha[row*f.Width+x : row*f.Width+x+width])
		}
	}
}

// paste puts a piece at (x, y): over what is there, as much as its alpha says,
// or in its place.
func (f Frame) paste(piece Frame, x, y int, over bool) {
	for row := range piece.Height {
		for col := range piece.Width {
			i, j := (y+row)*f.Width+x+col, row*piece.Width+col
			alpha := byte(255)
			if piece.Alpha != nil {
				alpha = piece.Alpha[j]
			}
			mask := byte(255)
			if over {
				mask = alpha
			}
			for c := range 3 {
				f.RGB[3*i+c] = blend(piece.RGB[3*j+c], f.RGB[3*i+c], mask)
			}
			if f.Alpha != nil {
				f.Alpha[i] = blend(alpha, f.Alpha[i], mask)
			}
		}
	}
}
