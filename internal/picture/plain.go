package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// plain turns any picture into straight 8-bit pixels, and says whether its
// format has alpha.
func plain(src image.Image) (*image.NRGBA, bool) {
	switch s := src.(type) {
	case *image.NRGBA:
		return moved(s), true
	case *image.NRGBA64:
		dst := image.NewNRGBA(sized(s))
		each(dst, func(x, y int) color.NRGBA {
			c := s.NRGBA64At(s.Rect.Min.X+x, s.Rect.Min.Y+y)
			return color.NRGBA{R: uint8(c.R >> 8), G: uint8(c.G >> 8), B: uint8(c.B >> 8), A: uint8(c.A >> 8)}
		})
		return dst, true
	case *image.NYCbCrA:
		dst := image.NewNRGBA(sized(s))
		each(dst, func(x, y int) color.NRGBA {
			c := s.NYCbCrAAt(s.Rect.Min.X+x, s.Rect.Min.Y+y)
			r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
			return color.NRGBA{R: r, G: g, B: b, A: c.A}
		})
		return dst, true
	case *image.Paletted:
		return unpalette(s)
	}
	// The rest is opaque, or multiplied by alpha already.
	drawn, ok := src.(*image.RGBA) // nobody else has it
	if ok {
		drawn = &image.RGBA{Pix: drawn.Pix, Stride: drawn.Stride, Rect: sized(drawn)}
	} else {
		drawn = image.NewRGBA(sized(src))
		draw.Draw(drawn, drawn.Rect, src, src.Bounds().Min, draw.Src)
	}
	dst := &image.NRGBA{Pix: drawn.Pix, Stride: drawn.Stride, Rect: drawn.Rect}
	if drawn.Opaque() {
		return dst, false
	}
	each(dst, func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(drawn.RGBAAt(x, y)).(color.NRGBA) })
	return dst, true
}

func unpalette(s *image.Paletted) (*image.NRGBA, bool) {
	var colours [256]color.NRGBA
	alpha := false
	for i, c := range s.Palette {
		colours[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		alpha = alpha || colours[i].A != 255
	}
	dst := image.NewNRGBA(sized(s))
	each(dst, func(x, y int) color.NRGBA { return colours[s.Pix[y*s.Stride+x]] })
	return dst, alpha
}

// each sets every pixel.
func each(dst *image.NRGBA, at func(x, y int) color.NRGBA) {
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride:]
		for x := range dst.Rect.Dx() {
			c := at(x, y)
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = c.R, c.G, c.B, c.A
		}
	}
}

// sized is the picture's size at the origin.
func sized(p image.Image) image.Rectangle {
	return image.Rectangle{Max: p.Bounds().Size()}
}

// moved is the same pixels at the origin.
func moved(s *image.NRGBA) *image.NRGBA {
	return &image.NRGBA{Pix: s.Pix, Stride: s.Stride, Rect: sized(s)}
}
