package decode

// frame turns unpacked rows into RGB and alpha. Of 16 bits the upper 8 count,
// but grey is cut off at 255 instead (Pillow's I;16).
func (f *pngFile) frame(rows []byte, width, height int) Frame {
	out := Frame{Width: width, Height: height, RGB: make([]byte, 3*width*height)}
	stride := (width*f.depth*pngChannels[f.kind] + 7) / 8
	keyed := f.key != nil && (f.kind == 0 && len(f.key) >= 2 || f.kind == 2 && len(f.key) >= 6 || f.kind == 3)
	if f.kind == 4 || f.kind == 6 || keyed {
		out.Alpha = make([]byte, width*height)
		out.Keyed = f.kind == 0 || f.kind == 2
	}
	for y := range height {
		row := rows[y*stride : (y+1)*stride]
		for x := range width {
			i := y*width + x
			rgb := out.RGB[3*i : 3*i+3]
			alpha := f.pixel(row, x, rgb)
			if out.Alpha != nil {
				out.Alpha[i] = alpha
			}
		}
	}
	return out
}

// pixel reads a pixel's colours and gives its alpha.
func (f *pngFile) pixel(row []byte, x int, rgb []byte) byte {
	wide := f.depth / 8 // bytes a sample; 0 below 8 bits
	switch f.kind {
	case 0:
		v, raw := f.grey(row, x)
		rgb[0], rgb[1], rgb[2] = v, v, v
		if len(f.key) >= 2 && raw == int(f.key[0])<<8|int(f.key[1]) {
			return 0
		}
	case 2:
		match := len(f.key) >= 6
		for c := range rgb {
			at := (3*x + c) * wide
			rgb[c] = row[at]
			if match {
				want := f.key[2*c : 2*c+2]
				match = wide == 1 && want[0] == 0 && want[1] == row[at] || wide == 2 && want[0] == row[at] && want[1] == row[at+1]
			}
		}
		if match {
			return 0
		}
	case 3:
		n := int(row[x*f.depth/8] >> (8 - f.depth - x*f.depth%8) & (1<<f.depth - 1))
		if 3*n+3 <= len(f.palette) {
			copy(rgb, f.palette[3*n:])
		}
		if n < len(f.key) {
			return f.key[n]
		}
	case 4:
		v := row[2*x*wide]
		rgb[0], rgb[1], rgb[2] = v, v, v
		return row[(2*x+1)*wide]
	case 6:
		for c := range rgb {
			rgb[c] = row[(4*x+c)*wide]
		}
		return row[(4*x+3)*wide]
	}
	return 255
}

// grey reads a grey sample: as 8 bits, and as it is in the file.
func (f *pngFile) grey(row []byte, x int) (v byte, raw int) {
	switch f.depth {
	case 16:
		raw = int(row[2*x])<<8 | int(row[2*x+1])
		return byte(min(raw, 255)), raw
	case 8:
		return row[x], int(row[x])
	}
	raw = int(row[x*f.depth/8] >> (8 - f.depth - x*f.depth%8) & (1<<f.depth - 1))
	return byte(raw * 255 / (1<<f.depth - 1)), raw
}
