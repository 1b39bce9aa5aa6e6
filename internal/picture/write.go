package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// PNG writes the picture, RGBA when it has alpha and RGB when not; chunks, as
// Texts reads them, come right after its header.
func (p *Picture) PNG(w io.Writer, chunks []byte) error {
	var img image.Image = p.NRGBA
	if p.Alpha && p.NRGBA.Opaque() {
		img = kept{p.NRGBA}
	}
	return png.Encode(&splice{w: w, chunks: chunks}, img)
}

// kept is a picture whose alpha is written although it is opaque everywhere.
type kept struct{ *image.NRGBA }

func (kept) Opaque() bool { return false }

// JPEG writes the picture without its alpha, with a quality of 1 to 100.
func (p *Picture) JPEG(w io.Writer, quality int) error {
	p.Opaque()
	// The encoder is fast for RGBA alone, and opaque pixels are the same bytes.
	img := &image.RGBA{Pix: p.Pix, Stride: p.Stride, Rect: p.Rect}
	return jpeg.Encode(w, img, &jpeg.Options{Quality: min(max(quality, 1), 100)})
}

// head is the length of a PNG's signature and IHDR chunk.
const head = 8 + 12 + 13

// splice puts chunks between the head of a PNG and the rest.
type splice struct {
	w      io.Writer
	passed int
	chunks []byte
}

func (s *splice) Write(p []byte) (int, error) {
	cut := min(len(p), max(head-s.passed, 0))
	n, err := s.w.Write(p[:cut])
	s.passed += n
	if err != nil || cut == len(p) && s.passed < head {
		return n, err
	}
	if s.chunks != nil {
		if _, err := s.w.Write(s.chunks); err != nil {
			return n, err
		}
		s.chunks = nil
	}
	m, err := s.w.Write(p[cut:])
	s.passed += m
	return n + m, err
}

// maxText bounds what Texts keeps: workflows can be large, and no larger.
const maxText = 64 << 20

// Texts are the text chunks of a PNG (tEXt, zTXt, iTXt), whole and in order;
// empty for any other file, and those before the damage for a damaged one.
func Texts(content io.ReadSeeker) []byte {
	var start [8]byte
	if _, err := content.Seek(0, io.SeekStart); err != nil || !full(content, start[:]) || string(start[:]) != "\x89PNG\r\n\x1a\n" {
		return nil
	}
	var kept bytes.Buffer
	for full(content, start[:]) {
		whole := int64(binary.BigEndian.Uint32(start[:4])) + 4 // with its checksum
		switch string(start[4:]) {
		case "tEXt", "zTXt", "iTXt":
			before := kept.Len()
			if int64(before)+8+whole > maxText {
				return kept.Bytes()
			}
			kept.Write(start[:])
			if _, err := io.CopyN(&kept, content, whole); err != nil {
				kept.Truncate(before)
			}
		case "IEND":
			return kept.Bytes()
		default:
			if _, err := content.Seek(whole, io.SeekCurrent); err != nil {
				return kept.Bytes()
			}
		}
	}
	return kept.Bytes()
}

func full(r io.Reader, p []byte) bool {
	_, err := io.ReadFull(r, p)
	return err == nil
}
