package picture_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/picture"
)

func encoded(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t *testing.T, content []byte) *picture.Picture {
	t.Helper()
	p, err := picture.Open(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// chunk is a PNG chunk.
func chunk(kind, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind+data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// claiming is a PNG that says it is that large and has next to no data.
func claiming(width, height uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	head = append(head, 8, 6, 0, 0, 0)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(make([]byte, 100))
	w.Close()
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(head)), chunk("IDAT", z.String()), chunk("IEND", ""))
}

func TestColoursUnderTransparentPixelsStay(t *testing.T) {
	want := color.NRGBA{R: 200, G: 100, B: 50, A: 0}
	straight := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	straight.SetNRGBA(0, 0, want)
	deep := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	deep.SetNRGBA64(0, 0, color.NRGBA64{R: 200 << 8, G: 100 << 8, B: 50 << 8})
	palette := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{want})
	for name, img := range map[string]image.Image{"RGBA": straight, "16 bit": deep, "palette": palette} {
		p := open(t, encoded(t, img))
		if got := p.NRGBAAt(0, 0); got != want || !p.Alpha {
			t.Errorf("%s: %v, alpha %v", name, got, p.Alpha)
		}
	}
}

func TestFormatsWithoutAlpha(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 2, 1))
	gray.Pix[1] = 200
	photo := new(bytes.Buffer)
	if err := jpeg.Encode(photo, gray, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	moving := new(bytes.Buffer)
	frame := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.Black, color.NRGBA{R: 200, G: 200, B: 200, A: 255}})
	frame.Pix[1] = 1
	if err := gif.EncodeAll(moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"PNG": encoded(t, gray), "JPEG": photo.Bytes(), "GIF": moving.Bytes()} {
		p := open(t, content)
		if p.Alpha || p.NRGBAAt(0, 0) != (color.NRGBA{A: 255}) || p.NRGBAAt(1, 0) != (color.NRGBA{R: 200, G: 200, B: 200, A: 255}) {
			t.Errorf("%s: %v, alpha %v", name, p.Pix, p.Alpha)
		}
	}
}

func TestPicturesThatAreRefused(t *testing.T) {
	whole := encoded(t, image.NewNRGBA(image.Rect(0, 0, 50, 50)))
	for name, c := range map[string]struct {
		content []byte
		code    settee.Code
	}{
		"text":             {[]byte("hello"), settee.CodeInvalid},
		"nothing":          {nil, settee.CodeInvalid},
		"cut off":          {whole[:len(whole)-30], settee.CodeInvalid},
		"too wide":         {claiming(picture.MaxSide+1, 1), settee.CodeTooLarge},
		"too high":         {claiming(1, picture.MaxSide+1), settee.CodeTooLarge},
		"too many":         {claiming(8193, 8192), settee.CodeTooLarge},
		"four billion":     {claiming(1<<31-1, 1<<31-1), settee.CodeInvalid},
		"allowed but lies": {claiming(100, 100), settee.CodeInvalid},
	} {
		_, err := picture.Open(t.Context(), bytes.NewReader(c.content))
		if settee.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who has no room waits, and whoever is done, well or not, gives it back.
func TestMemoryIsShared(t *testing.T) {
	whole := encoded(t, image.NewGray(image.Rect(0, 0, 10, 10)))
	if !picture.Room.TryAcquire(picture.MaxPixels - 99) {
		t.Fatal("somebody has kept room")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := picture.Open(ctx, bytes.NewReader(whole)); !errors.Is(err, context.Canceled) {
		t.Errorf("without room for 100 pixels: %v", err)
	}
	picture.Room.Release(picture.MaxPixels - 99)
	p := open(t, whole)
	if picture.Room.TryAcquire(picture.MaxPixels - 99) {
		t.Error("a picture of 100 pixels takes no room")
	}
	p.Close()
	p.Close()
	if _, err := picture.Open(t.Context(), bytes.NewReader(whole[:len(whole)-20])); err == nil {
		t.Error("half a picture was opened")
	}
	if !picture.Room.TryAcquire(picture.MaxPixels) {
		t.Fatal("not all room came back")
	}
	picture.Room.Release(picture.MaxPixels)
}

func TestMasks(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.SetNRGBA(0, 0, color.NRGBA{R: 1, G: 2, B: 3, A: 40})
	img.SetNRGBA(1, 0, color.NRGBA{R: 4, G: 5, B: 6, A: 255})
	p := open(t, encoded(t, img))
	mask := p.Mask()
	p.Close()

	p = open(t, encoded(t, image.NewGray(image.Rect(0, 0, 2, 1))))
	if err := p.Put(mask); err != nil {
		t.Fatal(err)
	}
	if want := []uint8{0, 0, 0, 40, 0, 0, 0, 255}; !slices.Equal(p.Pix, want) || !p.Alpha {
		t.Errorf("masked: %v", p.Pix)
	}
	other := open(t, encoded(t, image.NewGray(image.Rect(0, 0, 1, 2))))
	if err := other.Put(mask); settee.CodeOf(err) != settee.CodeInvalid || err.Error() != "The mask has 2 × 1 pixels and the picture 1 × 2." {
		t.Errorf("another size: %v", err)
	}

	p = open(t, encoded(t, img))
	p.OnlyAlpha()
	if want := []uint8{0, 0, 0, 40, 0, 0, 0, 255}; !slices.Equal(p.Pix, want) {
		t.Errorf("alpha alone: %v", p.Pix)
	}
	p.Opaque()
	if want := []uint8{0, 0, 0, 255, 0, 0, 0, 255}; !slices.Equal(p.Pix, want) || p.Alpha {
		t.Errorf("opaque: %v", p.Pix)
	}
}

// colourType is byte 25 of a PNG: 2 is RGB, 6 is RGBA.
func colourType(t *testing.T, p *picture.Picture) byte {
	t.Helper()
	var out bytes.Buffer
	if err := p.PNG(&out, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()[25]
}

func TestPNGKeepsAnOpaqueAlphaChannel(t *testing.T) {
	p := open(t, encoded(t, image.NewGray(image.Rect(0, 0, 3, 2))))
	if got := colourType(t, p); got != 2 {
		t.Errorf("without alpha: colour type %d", got)
	}
	p.OnlyAlpha()
	if got := colourType(t, p); got != 6 {
		t.Errorf("with alpha: colour type %d", got)
	}
}

func TestTextIsCarriedOver(t *testing.T) {
	first := chunk("tEXt", "prompt\x00{}")
	cut := len(first)
	text := slices.Concat(first, chunk("iTXt", "workflow\x00\x00\x00\x00\x00{\"ä\":1}"))
	plain := encoded(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	end := len(plain) - 12
	with := slices.Concat(plain[:33], text[:cut], chunk("tIME", "1234567"), text[cut:], plain[33:end], chunk("zTXt", "late"), plain[end:])
	found := picture.Texts(bytes.NewReader(with))
	if want := slices.Concat(text, chunk("zTXt", "late")); !bytes.Equal(found, want) {
		t.Fatalf("found %q, want %q", found, want)
	}
	p := open(t, with)
	var out bytes.Buffer
	if err := p.PNG(&out, found); err != nil {
		t.Fatal(err)
	}
	if again := picture.Texts(bytes.NewReader(out.Bytes())); !bytes.Equal(again, found) {
		t.Errorf("written %q", again)
	}
	if back := open(t, out.Bytes()); !slices.Equal(back.Pix, p.Pix) {
		t.Error("other pixels")
	}
	// Damage: what is whole before it stays.
	for name, content := range map[string][]byte{
		"cut in the second": with[:33+len(text)+5],
		"huge second":       slices.Concat(with[:33+cut], []byte{0xff, 0xff, 0xff, 0xff, 'i', 'T', 'X', 't'}, with),
	} {
		if got := picture.Texts(bytes.NewReader(content)); !bytes.Equal(got, text[:cut]) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := picture.Texts(bytes.NewReader([]byte("GIF89a..."))); got != nil {
		t.Errorf("no PNG: %q", got)
	}
}

func TestPNGPassesAWriterThatTakesLittle(t *testing.T) {
	p := open(t, encoded(t, image.NewGray(image.Rect(0, 0, 3, 2))))
	failed := errors.New("full")
	for after := range 60 {
		if err := p.PNG(&limited{left: after, err: failed}, chunk("tEXt", "a\x00b")); !errors.Is(err, failed) {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	if l.left -= n; n < len(p) {
		return n, l.err
	}
	return n, nil
}

func TestJPEGAndShrinking(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 100, 40))
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	p := open(t, encoded(t, img))
	p.Shrink(100)
	if p.Rect.Dx() != 100 {
		t.Errorf("%v", p.Rect)
	}
	p.Shrink(10)
	if p.Rect != image.Rect(0, 0, 10, 4) || p.NRGBAAt(5, 2).A != 200 {
		t.Errorf("%v, %v", p.Rect, p.NRGBAAt(5, 2))
	}
	for _, quality := range []int{-1, 0, 90, 1000} {
		var out bytes.Buffer
		if err := p.JPEG(&out, quality); err != nil {
			t.Fatal(err)
		}
		back, err := jpeg.Decode(io.Reader(&out))
		if err != nil {
			t.Fatal(err)
		}
		if r, _, _, _ := back.At(5, 2).RGBA(); back.Bounds() != p.Rect || r>>8 < 190 || r>>8 > 205 {
			t.Errorf("quality %d: %v, %d", quality, back.Bounds(), r>>8)
		}
	}
}
