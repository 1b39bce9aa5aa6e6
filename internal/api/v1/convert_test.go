package v1_test

import (
	"image"
	"image/color"
	"strings"
	"testing"
)

func TestPicturesMadeOfAFile(t *testing.T) {
	s := newShelf(t, false)
	s.put("glass.png", painted(t, 80, 40, color.NRGBA{R: 200, G: 100, B: 50, A: 128}))
	s.put("wall.png", painted(t, 80, 40, color.NRGBA{R: 200, G: 100, B: 50, A: 255}))
	s.put("note.txt", "no picture")
	whole, small := image.Rect(0, 0, 80, 40), image.Rect(0, 0, 64, 32)
	for _, c := range []struct {
		query, mime string
		size        image.Rectangle
		colour      color.NRGBA
	}{
		{"glass.png&channel=rgb", "image/png", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 255}},
		{"glass.png&channel=a", "image/png", whole, color.NRGBA{A: 128}},
		{"glass.png&channel=alpha", "image/png", whole, color.NRGBA{A: 128}},
		{"wall.png&channel=a", "image/png", whole, color.NRGBA{A: 255}},
		{"glass.png&preview=webp;90", "image/png", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 128}},
		{"glass.png&preview=jpeg;100&channel=rgba", "image/png", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 128}},
		{"glass.png&preview=", "image/png", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 128}},
		{"glass.png&preview=jpeg;100", "image/jpeg", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 255}},
		{"wall.png&preview=webp;100", "image/jpeg", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 255}},
		{"glass.png&preview=webp;100&channel=rgb", "image/jpeg", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 255}},
		{"glass.png&res=64", "image/png", small, color.NRGBA{R: 200, G: 100, B: 50, A: 128}},
		{"glass.png&res=1", "image/png", small, color.NRGBA{R: 200, G: 100, B: 50, A: 128}},
		{"glass.png&res=1024&channel=rgb", "image/png", whole, color.NRGBA{R: 200, G: 100, B: 50, A: 255}},
	} {
		name, _, _ := strings.Cut(c.query, "&")
		for _, prefix := range []string{"", "/api"} {
			a := s.get(prefix + "/view?type=input&filename=" + c.query)
			if a.status != 200 || a.header.Get("Content-Type") != c.mime || a.header.Get("Content-Disposition") != `filename="`+name+`"` {
				t.Errorf("%s: %d\n%s", c.query, a.status, a.headers())
				continue
			}
			size, colour := pixel(t, a.body)
			if size != c.size || !near(colour, c.colour) {
				t.Errorf("%s: %v of %v", c.query, size, colour)
			}
		}
	}
	refused := `{"code":"invalid_request","message":"The file is not a picture that can be read."}`
	s.get("/view?type=input&filename=note.txt&preview=webp").is(400, refused)
	s.get("/view?type=input&filename=note.txt&channel=a").is(400, refused)
	if a := s.get("/view?type=input&filename=note.txt&res=64"); a.status != 200 || a.body != "no picture" {
		t.Errorf("smaller text: %d %q", a.status, a.body)
	}
	s.get("/view?type=input&filename=absent.png&channel=rgb").is(404, `{"code":"not_found","message":"There is no such file."}`)
}

// near allows for what JPEG and scaling do to a colour.
func near(a, b color.NRGBA) bool {
	within := func(x, y uint8) bool { return max(x, y)-min(x, y) <= 2 }
	return within(a.R, b.R) && within(a.G, b.G) && within(a.B, b.B) && a.A == b.A
}

func TestAPictureThatIsTooLargeIsNotDecoded(t *testing.T) {
	s := newShelf(t, false)
	bomb := "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x40\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	bomb += crc(bomb[12:])
	s.put("bomb.png", bomb)
	s.put("ok.png", painted(t, 2, 2, color.NRGBA{}))
	refused := `{"code":"too_large","message":"The picture has 16385 × 1 pixels; at most 16384 a side and 67108864 in all are allowed."}`
	s.get("/view?type=input&filename=bomb.png&channel=rgb").is(413, refused)
	ref := func(name string) field { return plain("original_ref", `{"filename":"`+name+`","type":"input"}`) }
	s.post("/upload/mask", file("image", "m.png", bomb), ref("ok.png")).is(413, refused)
	s.post("/upload/mask", file("image", "m.png", painted(t, 2, 2, color.NRGBA{})), ref("bomb.png")).is(413, refused)
	s.get("/view?type=input&filename=m.png").is(404, `{"code":"not_found","message":"There is no such file."}`)
}
