package png

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	stdpng "image/png"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// photo is something like a photograph: shapes, slow changes and noise.
func photo(width, height, channels int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	pix := make([]byte, 0, width*height*channels)
	for y := range height {
		for x := range width {
			for c := range channels {
				v := 128 + 60*math.Sin(float64(x)/97+float64(c)) + 50*math.Cos(float64(y)/61)
				if (x/160+y/120)%3 == 0 {
					v = 255 - v
				}
				v += r.NormFloat64() * 2
				pix = append(pix, byte(max(0, min(255, v))))
			}
		}
	}
	return pix
}

func picture(width, height, channels int, pix []byte) Picture {
	stride := width * channels
	return Picture{Width: width, Height: height, Channels: channels, Level: 5,
		Row: func(y int, dst []byte) { copy(dst, pix[y*stride:]) }}
}

// Whatever the size, another reader sees the same pixels.
func TestPixelsSurvive(t *testing.T) {
	for _, size := range [][3]int{{1, 1, 3}, {1, 1, 4}, {7, 5, 1}, {33, 17, 3}, {640, 900, 4}, {3, 2000, 3}, {300000, 2, 3}} {
		width, height, channels := size[0], size[1], size[2]
		pix := photo(width, height, channels)
		file, err := Encode(context.Background(), picture(width, height, channels, pix))
		if err != nil {
			t.Fatal(err)
		}
		img, err := stdpng.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		for y := range height {
			for x := range width {
				p := pix[(y*width+x)*channels:]
				want := color.NRGBA{p[0], p[0], p[0], 255}
				if channels > 1 {
					want.G, want.B = p[1], p[2]
				}
				if channels == 4 {
					want.A = p[3]
				}
				if got := color.NRGBAModel.Convert(img.At(x, y)); channels < 4 && got != want {
					t.Fatalf("%v: pixel %d,%d is %v, not %v", size, x, y, got, want)
				} else if m, ok := img.(*image.NRGBA); channels == 4 && (!ok || m.NRGBAAt(x, y) != want) {
					t.Fatalf("%v: pixel %d,%d differs", size, x, y)
				}
			}
		}
	}
}

// The bytes do not depend on how many processors there are.
func TestBytesAreTheSameOnAnyMachine(t *testing.T) {
	pix := photo(900, 700, 3)
	many, err := Encode(context.Background(), picture(900, 700, 3, pix))
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := Encode(context.Background(), picture(900, 700, 3, pix))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, many) {
		t.Error("one processor made other bytes than several")
	}
}

func TestTextChunksComeInOrder(t *testing.T) {
	p := picture(1, 1, 3, []byte{1, 2, 3})
	p.Text = []Text{{"prompt", `{"a": 1}`}, {"é", "ü"}}
	file, err := Encode(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("\x00\x00\x00\x0ftEXtprompt\x00{\"a\": 1}")
	second := []byte("\x00\x00\x00\x03tEXt\xe9\x00\xfc")
	if a, b, c := bytes.Index(file, want), bytes.Index(file, second), bytes.Index(file, []byte("IDAT")); a != 33 || b < a || c < b {
		t.Errorf("chunks at %d, %d and %d in %q", a, b, c, file)
	}
	p.Text = []Text{{"写", "x"}}
	if _, err := Encode(context.Background(), p); !errors.Is(err, ErrEncoding) {
		t.Errorf("a keyword beyond Latin-1: %v", err)
	}
}

func TestAStoppedContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Encode(ctx, picture(64, 64, 3, photo(64, 64, 3))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Encode(context.Background(), Picture{Width: 0, Height: 4, Channels: 3}); err == nil {
		t.Error("a picture without columns was written")
	}
}

func TestAPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if p := recover(); p != "no row" {
			t.Errorf("got %v", p)
		}
	}()
	_, err := Encode(context.Background(), Picture{Width: 1000, Height: 1000, Channels: 3, Level: 1, Row: func(int, []byte) { panic("no row") }})
	t.Errorf("no panic, but %v", err)
}

// A file is not much larger than the standard library's.
func TestSizeIsThatOfTheStandardLibrary(t *testing.T) {
	const width, height = 1024, 768
	pix := photo(width, height, 3)
	ours, err := Encode(context.Background(), picture(width, height, 3, pix))
	if err != nil {
		t.Fatal(err)
	}
	theirs := standard(t, width, height, pix)
	if ratio := float64(len(ours)) / float64(len(theirs)); ratio > 1.1 {
		t.Errorf("%d bytes, %.2f of the standard library's %d", len(ours), ratio, len(theirs))
	}
}

func standard(t testing.TB, width, height int, pix []byte) []byte {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(m.Pix[4*i:], pix[3*i:3*i+3])
		m.Pix[4*i+3] = 255
	}
	var out bytes.Buffer
	if err := stdpng.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkEncode(b *testing.B) {
	pix := photo(1024, 1024, 3)
	for b.Loop() {
		out, err := Encode(context.Background(), picture(1024, 1024, 3, pix))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(out)), "bytes")
	}
}

func BenchmarkStandard(b *testing.B) {
	pix := photo(1024, 1024, 3)
	for b.Loop() {
		b.ReportMetric(float64(len(standard(b, 1024, 1024, pix))), "bytes")
	}
}
