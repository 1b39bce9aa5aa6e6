package decode

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/settee/settee/internal/recording"
)

// scene is a picture with edges, slopes and every channel in use.
func scene(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x * 7), uint8(y * 11), uint8(x*y + 40), 255})
		}
	}
	return m
}

func read(t *testing.T, data []byte) *Picture {
	t.Helper()
	p, err := new(Reader).Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rgb is what the standard library sees in a file.
func rgb(m image.Image) (out []byte) {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			out = append(out, c.R, c.G, c.B)
		}
	}
	return out
}

func TestFormatsWithoutLoss(t *testing.T) {
	m := scene(37, 21)
	for name, encode := range map[string]func(*bytes.Buffer) error{
		"png":  func(b *bytes.Buffer) error { return png.Encode(b, m) },
		"bmp":  func(b *bytes.Buffer) error { return bmp.Encode(b, m) },
		"tiff": func(b *bytes.Buffer) error { return tiff.Encode(b, m, &tiff.Options{Compression: tiff.Deflate}) },
	} {
		var file bytes.Buffer
		if err := encode(&file); err != nil {
			t.Fatal(err)
		}
		f := read(t, file.Bytes()).Frames[0]
		if f.Width != 37 || f.Height != 21 || !bytes.Equal(f.RGB, rgb(m)) {
			t.Errorf("%s: other pixels", name)
		}
		if f.Alpha != nil {
			t.Errorf("%s: alpha in an opaque picture", name)
		}
	}
}

// Every kind of PNG gives the colours that the standard library sees.
func TestKindsOfPNG(t *testing.T) {
	m := scene(13, 9)
	grey, wide := image.NewGray(m.Rect), image.NewNRGBA64(m.Rect)
	palette := image.NewPaletted(m.Rect, color.Palette{color.NRGBA{0, 0, 0, 0}, color.NRGBA{200, 10, 20, 255}, color.NRGBA{1, 2, 3, 128}})
	for y := range 9 {
		for x := range 13 {
			c := m.NRGBAAt(x, y)
			c.A = uint8(x * 20)
			grey.Set(x, y, c)
			wide.SetNRGBA64(x, y, color.NRGBA64{uint16(c.R) << 8, uint16(c.G) << 8, uint16(c.B)<<8 | 0xff, uint16(c.A) << 8})
			palette.SetColorIndex(x, y, uint8((x+y)%3))
		}
	}
	for name, img := range map[string]image.Image{"grey": grey, "16 bits": wide, "palette": palette} {
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		f := read(t, file.Bytes()).Frames[0]
		b := img.Bounds()
		for y := range b.Dy() {
			for x := range b.Dx() {
				i := y*b.Dx() + x
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				if w, ok := img.(*image.NRGBA64); ok {
					v := w.NRGBA64At(x, y)
					c = color.NRGBA{uint8(v.R >> 8), uint8(v.G >> 8), uint8(v.B >> 8), uint8(v.A >> 8)}
				}
				alpha := byte(255)
				if f.Alpha != nil {
					alpha = f.Alpha[i]
				}
				if alpha != c.A || c.A != 0 && !bytes.Equal(f.RGB[3*i:3*i+3], []byte{c.R, c.G, c.B}) {
					t.Fatalf("%s: pixel %d,%d is %v %d, not %v", name, x, y, f.RGB[3*i:3*i+3], alpha, c)
				}
			}
		}
	}
}

// JPEG agrees with the standard library but for rounding and the smoothing of
// chroma.
func TestJPEGIsNearTheStandardLibrary(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 101, 67))
	for y := range 67 {
		for x := range 101 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(2 * x), uint8(3 * y), uint8(x + y), 255})
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	other, err := jpeg.Decode(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	f, want := read(t, file.Bytes()).Frames[0], rgb(other)
	for i := range want {
		if d := int(f.RGB[i]) - int(want[i]); d < -6 || d > 6 {
			t.Fatalf("byte %d is %d, not about %d", i, f.RGB[i], want[i])
		}
	}
}

func TestGIFFramesAreWhole(t *testing.T) {
	palette := color.Palette{color.RGBA{}, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}}
	first := image.NewPaletted(image.Rect(0, 0, 4, 4), palette)
	for i := range first.Pix {
		first.Pix[i] = 1
	}
	second := image.NewPaletted(image.Rect(1, 1, 3, 3), palette)
	second.Pix = []byte{2, 0, 0, 2}
	var file bytes.Buffer
	if err := gif.EncodeAll(&file, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}, Disposal: []byte{gif.DisposalNone, gif.DisposalNone}}); err != nil {
		t.Fatal(err)
	}
	p := read(t, file.Bytes())
	if len(p.Frames) != 2 {
		t.Fatalf("%d frames", len(p.Frames))
	}
	want := bytes.Repeat([]byte{255, 0, 0}, 16)
	if !bytes.Equal(p.Frames[0].RGB, want) {
		t.Error("the first frame differs")
	}
	copy(want[3*5:], []byte{0, 0, 255})
	copy(want[3*10:], []byte{0, 0, 255})
	if !bytes.Equal(p.Frames[1].RGB, want) || p.Frames[1].Alpha != nil {
		t.Error("the second frame is not drawn over the first")
	}
}

// A size that a file only says costs nothing: room is asked for first.
func TestRoomIsAskedForFirst(t *testing.T) {
	full := errors.New("no room")
	for _, m := range []image.Image{scene(300, 200)} {
		for name, encode := range map[string]func(*bytes.Buffer) error{
			"png":  func(b *bytes.Buffer) error { return png.Encode(b, m) },
			"jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, m, nil) },
			"gif":  func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) },
			"bmp":  func(b *bytes.Buffer) error { return bmp.Encode(b, m) },
			"tiff": func(b *bytes.Buffer) error { return tiff.Encode(b, m, nil) },
		} {
			var file bytes.Buffer
			if err := encode(&file); err != nil {
				t.Fatal(err)
			}
			asked := int64(0)
			r := Reader{Take: func(n int64) error { asked += n; return full }}
			if _, err := r.Read(file.Bytes()); !errors.Is(err, full) || asked < 300*200*3 {
				t.Errorf("%s: %v after asking for %d bytes", name, err, asked)
			}
		}
	}
}

func TestUpright(t *testing.T) {
	f := Frame{Width: 2, Height: 1, RGB: []byte{1, 1, 1, 2, 2, 2}, Alpha: []byte{10, 20}}
	for orientation, want := range map[int]struct {
		width int
		alpha []byte
	}{
		0: {2, []byte{10, 20}}, 1: {2, []byte{10, 20}}, 2: {2, []byte{20, 10}}, 3: {2, []byte{20, 10}}, 4: {2, []byte{10, 20}},
		5: {1, []byte{10, 20}}, 6: {1, []byte{10, 20}}, 7: {1, []byte{20, 10}}, 8: {1, []byte{20, 10}},
	} {
		got := f.Upright(orientation)
		if got.Width != want.width || !bytes.Equal(got.Alpha, want.alpha) || got.RGB[0] != want.alpha[0]/10 {
			t.Errorf("orientation %d: %+v", orientation, got)
		}
	}
}

// seeds are the recorded input files.
func seeds(t testing.TB) (all [][]byte) {
	for _, c := range recording.Cases(t) {
		for _, f := range c.Inputs {
			if len(f.Data) < 100_000 {
				all = append(all, f.Data)
			}
		}
	}
	return all
}

// small keeps hostile sizes out of a test's memory.
func small() *Reader {
	left := int64(64 << 20)
	return &Reader{Take: func(n int64) error {
		if left -= n; left < 0 {
			return errors.New("too large for a test")
		}
		return nil
	}}
}

// However a file is cut or bent, reading it ends, and what it gives is whole.
func TestDamagedFiles(t *testing.T) {
	for _, data := range seeds(t) {
		for n := 0; n < len(data); n += 1 + len(data)/23 {
			look(t, data[:n])
			bent := bytes.Clone(data)
			bent[n] ^= 0x55
			look(t, bent)
		}
	}
}

func look(t *testing.T, data []byte) {
	t.Helper()
	p, err := small().Read(data)
	if err != nil {
		return
	}
	if len(p.Frames) == 0 {
		t.Fatalf("a picture without frames of %q", data[:min(len(data), 16)])
	}
	for _, f := range p.Frames {
		if len(f.RGB) != 3*f.Width*f.Height || f.Alpha != nil && len(f.Alpha) != f.Width*f.Height {
			t.Fatalf("%d×%d with %d bytes and %d of alpha", f.Width, f.Height, len(f.RGB), len(f.Alpha))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { look(t, data) })
}
