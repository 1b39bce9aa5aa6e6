package decode

import (
	"image"
	"image/color"
)

// converted is a decoded image as a frame. Alpha is kept when the image has
// any that is not full.
func converted(img image.Image) Frame {
	b := img.Bounds()
	f := Frame{Width: b.Dx(), Height: b.Dy(), RGB: make([]byte, 3*b.Dx()*b.Dy())}
	if o, ok := img.(interface{ Opaque() bool }); !ok || !o.Opaque() {
		f.Alpha = make([]byte, b.Dx()*b.Dy())
	}
	for y := range f.Height {
		for x := range f.Width {
			i := y*f.Width + x
			alpha := pixel(img, b.Min.X+x, b.Min.Y+y, f.RGB[3*i:3*i+3])
			if f.Alpha != nil {
				f.Alpha[i] = alpha
			}
		}
	}
	return f
}

// pixel reads a pixel as Pillow would: 16-bit grey is cut off, other 16-bit
// channels keep their upper half.
func pixel(img image.Image, x, y int, rgb []byte) byte {
	switch m := img.(type) {
	case *image.Gray16:
		v := byte(min(m.Gray16At(x, y).Y, 255))
		rgb[0], rgb[1], rgb[2] = v, v, v
		return 255
	case *image.CMYK:
		c := m.CMYKAt(x, y)
		light := 255 - int32(c.K)
		for i, ink := range [3]byte{c.C, c.M, c.Y} {
			rgb[i] = clamp(light - product(int32(ink), light))
		}
		return 255
	case *image.NRGBA64:
		c := m.NRGBA64At(x, y)
		rgb[0], rgb[1], rgb[2] = byte(c.R>>8), byte(c.G>>8), byte(c.B>>8)
		return byte(c.A >> 8)
	}
	c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
	rgb[0], rgb[1], rgb[2] = c.R, c.G, c.B
	return c.A
}
