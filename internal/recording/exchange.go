package recording

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// Exchange is one request and its answer.
type Exchange struct {
	Name    string  `json:"name"` // ends in "-accepted" where a strange request got 200
	Request Request `json:"request"`
	Status  int     `json:"status"`
	// Header holds Content-Type, Content-Length and what else was telling
	// (Allow, Content-Disposition, Content-Range, …).
	Header map[string]string `json:"header,omitempty"`
	// Body is the answer as sent; nil when only its hash was kept.
	Body   Bytes  `json:"body"`
	SHA256 string `json:"sha256,omitempty"` // of a binary body
	Size   int    `json:"size,omitempty"`   // bytes of a binary body

	// The rest is told of requests named poison-…: they pass validation and
	// trouble the server afterwards.
	Alive   *bool `json:"alive,omitempty"`   // later prompts still start
	Ended   bool  `json:"ended,omitempty"`   // the process exited
	History Bytes `json:"history,omitempty"` // GET /history afterwards
	Queue   Bytes `json:"queue,omitempty"`   // GET /queue afterwards
}

// Request is what was sent. A multipart body is told by its parts.
type Request struct {
	Method string            `json:"method"`
	Path   string            `json:"path"` // with the query
	Header map[string]string `json:"header,omitempty"`
	Sent   Bytes             `json:"sent,omitempty"`
	Parts  []Part            `json:"parts,omitempty"`
}

// Part is a field of a form. Content like "8x8 RGBA PNG" stands for a picture
// of that kind: PNG makes one, equal for equal descriptions.
type Part struct {
	Name     string `json:"name"`
	File     bool   `json:"file,omitempty"` // sent with a file name, which may be empty
	Filename string `json:"filename,omitempty"`
	Content  string `json:"content"`
}

// Body is the request's body, nil when there was none; a form is written with
// the boundary that the request's Content-Type names.
func (r Request) Body() []byte {
	if r.Parts == nil {
		return r.Sent
	}
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	_, boundary, _ := strings.Cut(r.Header["Content-Type"], "boundary=")
	if err := form.SetBoundary(boundary); err != nil {
		panic(err)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, p := range r.Parts {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + quote.Replace(p.Name) + `"`
		if p.File {
			disposition += `; filename="` + quote.Replace(p.Filename) + `"`
			h.Set("Content-Type", "application/octet-stream")
		}
		h.Set("Content-Disposition", disposition)
		w, err := form.CreatePart(h)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(p.Bytes()); err != nil {
			panic(err) // a bytes.Buffer takes all
		}
	}
	if err := form.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Bytes is what the part holds.
func (p Part) Bytes() []byte {
	var w, h int
	var mode string
	if n, _ := fmt.Sscanf(p.Content, "%dx%d %s PNG", &w, &h, &mode); n != 3 {
		return []byte(p.Content)
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: uint8(37 * y), G: uint8(59 * x), B: uint8(7 * x * y), A: 255}
			if mode == "RGBA" {
				c.A = uint8(30 + 11*x + 13*y)
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		panic(err)
	}
	return out.Bytes()
}
