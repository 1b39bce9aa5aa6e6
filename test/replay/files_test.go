package replay_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"testing"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// sameFiles fetches every file that was recorded and compares it. A node's
// files are in its outputs, in their order.
func (p *play) sameFiles(histories []pyjson.Value) {
	seen := map[string]int{}
	for _, o := range p.c.Outputs {
		key := fmt.Sprintf("%d/%s/%s", o.Prompt, o.Node, o.Key)
		entry := histories[o.Prompt-1].Get(fmt.Sprintf("P%d", o.Prompt)).Get("outputs").Get(o.Node).Get(o.Key).Index(seen[key])
		seen[key]++
		if entry.Get("filename").Kind != pyjson.String {
			p.Errorf("%s of node %s was not made", o.Filename, o.Node)
			continue
		}
		query := url.Values{}
		for _, name := range []string{"filename", "subfolder", "type"} {
			query.Set(name, entry.Get(name).Text())
		}
		a := p.s.ask(http.MethodGet, p.s.path("/view")+"?"+query.Encode(), nil)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != o.MIME {
			p.Errorf("%s: %d %s", query.Encode(), a.status, a.header.Get("Content-Type"))
			continue
		}
		p.sameFile(o, a.body)
	}
}

// sameFile compares text chunks and pixels.
func (p *play) sameFile(o recording.Output, data []byte) {
	p.Helper()
	// Where a file is read that was made here, and replaced bytes are ours, its
	// own hash stands in the text.
	known := p.c.Name != "file-annotations" && (p.c.Name != "input-replaced" || o.Filename == "loaded_00002_.png")
	if want, have := recordedTexts(o.Chunks), texts(data); known && want != have {
		p.Errorf("%s: text chunks\n want %s\n have %s", o.Filename, want, have)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		p.Errorf("%s: %v", o.Filename, err)
		return
	}
	if p.idle {
		return
	}
	pixels := samples(img)
	sum := sha256.Sum256(pixels)
	if hex.EncodeToString(sum[:]) == o.Pixels {
		return
	}
	if o.PNG == nil || p.c.Within <= 0 {
		p.Errorf("%s: pixels differ", o.Filename)
		return
	}
	want, err := o.Picture()
	if err != nil {
		p.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != o.Width || b.Dy() != o.Height || len(pixels) != len(want) {
		p.Errorf("%s: %d×%d, %d bytes of pixels; recorded %d×%d, %d", o.Filename, b.Dx(), b.Dy(), len(pixels), o.Width, o.Height, len(want))
		return
	}
	worst := 0
	for i := range pixels {
		worst = max(worst, int(pixels[i])-int(want[i]), int(want[i])-int(pixels[i]))
	}
	if worst > p.c.Within {
		p.Errorf("%s: bytes are off by up to %d; %d is allowed", o.Filename, worst, p.c.Within)
	}
}

// samples are the bytes of an 8-bit picture, without alpha where the file has
// none.
func samples(img image.Image) []byte {
	switch m := img.(type) {
	case *image.NRGBA:
		return m.Pix
	case *image.RGBA:
		var out []byte
		for i := 0; i < len(m.Pix); i += 4 {
			out = append(out, m.Pix[i:i+3]...)
		}
		return out
	}
	return nil
}

// texts are a PNG's text chunks: keywords and hashes of their texts.
func texts(data []byte) (s string) {
	for at := 8; at+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if string(data[at+4:at+8]) == "tEXt" {
			key, text, _ := bytes.Cut(data[at+8:at+8+n], []byte{0})
			sum := sha256.Sum256(text)
			s += string(key) + "=" + hex.EncodeToString(sum[:]) + " "
		}
		at += 12 + n
	}
	return s
}

func recordedTexts(all []recording.Chunk) (s string) {
	for _, c := range all {
		if c.Type == "tEXt" {
			s += c.Keyword + "=" + c.SHA256 + " "
		}
	}
	return s
}

// decode gives the samples of a PNG.
func decode(t *testing.T, data []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return samples(img)
}
