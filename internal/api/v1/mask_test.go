package v1_test

import (
	"image"
	"image/color"
	"strings"
	"testing"
)

func TestMasksGiveAPictureTheirAlpha(t *testing.T) {
	s := newShelf(t, false)
	whole := painted(t, 8, 4, color.NRGBA{R: 200, G: 100, B: 50, A: 255})
	text := "\x00\x00\x00\x09tEXtprompt\x00{}"
	text += crc(text[4:])
	s.put("cat.png", whole[:33]+text+whole[33:])
	ref := func(json string) field { return plain("original_ref", json) }
	mask := painted(t, 8, 4, color.NRGBA{R: 1, G: 2, B: 3, A: 77})

	s.post("/api/upload/mask", file("image", "masked.png", mask), ref(`{"filename":"cat.png","type":"input"}`)).
		is(200, `{"name":"masked.png","subfolder":"","type":"input"}`)
	a := s.get("/view?filename=masked.png&type=input")
	size, colour := pixel(t, a.body)
	if want := (color.NRGBA{R: 200, G: 100, B: 50, A: 77}); size != image.Rect(0, 0, 8, 4) || colour != want || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v of %v", size, colour)
	}
	if !strings.Contains(a.body, text) {
		t.Error("the original's text is gone")
	}
	// The same again is the same file; another original is another.
	s.post("/upload/mask", ref(`{"filename":"cat.png","subfolder":"","type":"input"}`), file("image", "masked.png", mask)).
		is(200, `{"name":"masked.png","subfolder":"","type":"input"}`)
	s.put("dog.png", painted(t, 8, 4, color.NRGBA{B: 9, A: 255}))
	s.post("/upload/mask", file("image", "masked.png", mask), ref(`{"filename":"dog.png [input]"}`)).
		is(200, `{"name":"masked (1).png","subfolder":"","type":"input"}`)
	s.post("/upload/mask", file("image", "masked.png", mask), ref(`{"filename":"dog.png","type":"input"}`), plain("overwrite", "true"), plain("subfolder", "clipspace"), plain("type", "temp")).
		is(200, `{"name":"masked.png","subfolder":"clipspace","type":"temp"}`)
	// A mask without alpha makes the picture opaque, with the channel kept.
	s.post("/upload/mask", file("image", "full.png", whole), ref(`{"filename":"masked.png","type":"input"}`)).
		is(200, `{"name":"full.png","subfolder":"","type":"input"}`)
	if full := s.get("/view?filename=full.png&type=input").body; full[25] != 6 {
		t.Errorf("colour type %d", full[25])
	}
}

func TestMasksWithoutAnOriginal(t *testing.T) {
	s := newShelf(t, false)
	s.put("cat.png", painted(t, 8, 4, color.NRGBA{A: 255}))
	s.put("note.txt", "no picture")
	mask := file("image", "m.png", painted(t, 8, 4, color.NRGBA{A: 77}))
	const bad = `{"code":"invalid_request","message":"The field original_ref must be JSON with the filename, subfolder and type of a picture."}`
	for _, ref := range []string{"", "{}", "[]", "null", "x", `{"filename":7}`, `{"filename":""}`} {
		s.post("/upload/mask", mask, plain("original_ref", ref)).is(400, bad)
	}
	s.post("/upload/mask", mask).is(400, bad)
	const unreadable = `{"code":"invalid_request","message":"The file is not a picture that can be read."}`
	s.post("/upload/mask", mask, plain("original_ref", `{"filename":"note.txt","type":"input"}`)).is(400, unreadable)
	s.post("/upload/mask", file("image", "m.png", "text"), plain("original_ref", `{"filename":"cat.png","type":"input"}`)).is(400, unreadable)
	s.post("/upload/mask", file("image", "m.png", painted(t, 4, 8, color.NRGBA{})), plain("original_ref", `{"filename":"cat.png","type":"input"}`)).
		is(400, `{"code":"invalid_request","message":"The mask has 4 × 8 pixels and the picture 8 × 4."}`)
	// As in ComfyUI: accepted, and nothing is there.
	for _, ref := range []string{`{"filename":"absent.png"}`, `{"filename":"../x.png"}`, `{"filename":"cat.png","type":"models"}`, `{"filename":"cat.png","subfolder":"../..","type":"input"}`} {
		s.post("/upload/mask", mask, plain("original_ref", ref)).is(200, `{"name":"m.png","subfolder":"","type":"input"}`)
	}
	s.get("/view?filename=m.png&type=input").is(404, `{"code":"not_found","message":"There is no such file."}`)
	if left := s.stored(); len(left) != 2 {
		t.Errorf("stored %v", left)
	}
}
