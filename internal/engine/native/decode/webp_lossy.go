package decode

import "image"

// lossy turns VP8's planes into RGB as libwebp does: chroma smoothed over the
// nine, three, three and one sixteenths of its four neighbours.
func lossy(m *image.YCbCr, alpha []byte, stride int) Frame {
	b := m.Bounds()
	f := Frame{Width: b.Dx(), Height: b.Dy(), RGB: make([]byte, 3*b.Dx()*b.Dy())}
	if alpha != nil {
		f.Alpha = make([]byte, f.Width*f.Height)
	}
	rows := (f.Height + 1) / 2
	for y := range f.Height {
		near := y / 2
		far := near - 1
		if y%2 == 1 {
			far = near + 1
		}
		far = max(0, min(far, rows-1))
		cb := [2][]byte{m.Cb[near*m.CStride:], m.Cb[far*m.CStride:]}
		cr := [2][]byte{m.Cr[near*m.CStride:], m.Cr[far*m.CStride:]}
		out := f.RGB[3*y*f.Width:]
		for x := range f.Width {
			u, v := chroma(cb, x, f.Width), chroma(cr, x, f.Width)
			out[3*x], out[3*x+1], out[3*x+2] = yuv(int(m.Y[y*m.YStride+x]), u, v)
		}
		if alpha != nil {
			copy(f.Alpha[y*f.Width:(y+1)*f.Width], alpha[y*stride:])
		}
	}
	return f
}

// chroma is the smoothed value at column x; rows are the nearer one and the
// farther one.
func chroma(rows [2][]byte, x, width int) int {
	near, far := rows[0], rows[1]
	i := x / 2
	j := i - 1
	if x%2 == 1 {
		j = i + 1
	}
	if j < 0 || j > (width-1)/2 {
		return (3*int(near[i]) + int(far[i]) + 2) >> 2
	}
	a, b, c, d := int(near[i]), int(near[j]), int(far[i]), int(far[j])
	sum := a + b + c + d + 8
	return ((sum+2*(b+c))>>3 + a) >> 1
}

// yuv is libwebp's conversion.
func yuv(y, u, v int) (r, g, b byte) {
	l := y * 19077 >> 8
	return clip6(l + v*26149>>8 - 14234), clip6(l - u*6419>>8 - v*13320>>8 + 8708), clip6(l + u*33050>>8 - 17685)
}

func clip6(v int) byte {
	if v < 0 {
		return 0
	}
	return byte(min(v>>6, 255))
}
