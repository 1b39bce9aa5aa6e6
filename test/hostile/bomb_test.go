package hostile_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// chunk is one of a PNG.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// deflated is n zero bytes, small: one compressed megabyte again and again.
func deflated(n int) []byte {
	const piece = 1 << 20
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	write := func(n int) []byte {
		b.Reset()
		z.Write(make([]byte, n))
		z.Flush()
		return bytes.Clone(b.Bytes())
	}
	all := append([]byte{0x78, 0xda}, write(n%piece)...)
	if first := n / piece; first > 0 {
		all = append(append(all, write(piece)...), bytes.Repeat(write(piece), first-1)...)
	}
	all = append(all, 1, 0, 0, 0xff, 0xff) // the last block, empty
	return binary.BigEndian.AppendUint32(all, uint32(n%65521)<<16|1)
}

// bombPNG claims a size and has that many bytes of pixels; before IDAT stand
// more chunks.
func bombPNG(width, height uint32, pixels int, more ...[]byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 2, 0, 0, 0) // 8 bit RGB
	all := [][]byte{[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head)}
	all = append(all, more...)
	return bytes.Join(append(all, chunk("IDAT", deflated(pixels)), chunk("IEND", nil)), nil)
}

func bombGIF(width, height uint16) []byte {
	b := append([]byte("GIF89a"), byte(width), byte(width>>8), byte(height), byte(height>>8), 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
	frame := append([]byte{0x2c, 0, 0, 0, 0}, byte(width), byte(width>>8), byte(height), byte(height>>8), 0, 2, 1, 0x44, 0)
	return append(append(b, bytes.Repeat(frame, 2000)...), 0x3b)
}

// bombWebP is a lossless one of a size and one colour.
func bombWebP(width, height uint32) []byte {
	bits := (width - 1) | (height-1)<<14
	data := append([]byte{0x2f}, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	data = append(data, bytes.Repeat([]byte{0x88, 0x88, 0x08}, 8)...)
	if len(data)%2 == 1 {
		data = append(data, 0)
	}
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(12+len(data)))
	b = append(b, "WEBPVP8L"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
}

// bombTIFF claims a size with deflated strips that hold far more, or a count of
// entries that the file has not.
func bombTIFF(width, height, strip uint32, entries uint16) []byte {
	pixels := deflated(int(strip))
	b := append([]byte("II*\x00"), 8, 0, 0, 0)
	n := uint16(8)
	if entries == 0 {
		entries = n
	}
	b = binary.LittleEndian.AppendUint16(b, entries)
	at := uint32(8 + 2 + 12*int(n) + 4)
	for _, e := range [][3]uint32{{256, 4, width}, {257, 4, height}, {258, 3, 8}, {259, 3, 8}, {262, 3, 1}, {273, 4, at}, {278, 4, height}, {279, 4, uint32(len(pixels))}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return append(append(b, 0, 0, 0, 0), pixels...)
}

func bombBMP(width, height uint32) []byte {
	b := append([]byte("BM"), make([]byte, 52)...)
	b[10], b[14], b[26], b[28] = 54, 40, 1, 24
	binary.LittleEndian.PutUint32(b[18:], width)
	binary.LittleEndian.PutUint32(b[22:], height)
	return append(b, 0, 0, 0)
}

// Pictures that are small to send and huge to open cost no more than a guest
// may, wherever they are opened: by a view, as a mask and its original, by a
// node.
func TestDecompressionBombs(t *testing.T) {
	jpeg := "\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"
	text := append([]byte("workflow\x00\x00"), deflated(1<<30)...)
	profile := append([]byte("icc\x00\x00"), deflated(1<<30)...)
	small := bombPNG(4, 4, 4*13)
	h := enter(t, "--memory", "256MiB")
	plain := h.uploaded(h.upload("plain.png", small))
	for name, content := range map[string][]byte{
		"claims.png":        bombPNG(60_000, 60_000, 1000),
		"wide.png":          bombPNG(1<<31-1, 1, 1000),
		"overflows.png":     bombPNG(1<<31-1, 1<<31-1, 1000),
		"more.png":          bombPNG(4, 4, 1<<30),
		"text.png":          bombPNG(4, 4, 4*13, chunk("zTXt", text)),
		"international.png": bombPNG(4, 4, 4*13, chunk("iTXt", append([]byte("prompt\x00\x01\x00\x00\x00"), deflated(1<<30)...))),
		"profile.png":       bombPNG(4, 4, 4*13, chunk("iCCP", profile)),
		"claims.gif":        bombGIF(65_535, 65_535),
		"frames.gif":        bombGIF(4000, 4000),
		"claims.webp":       bombWebP(16_384, 16_384),
		"claims.tiff":       bombTIFF(60_000, 60_000, 1000, 0),
		"strips.tiff":       bombTIFF(4, 4, 1<<30, 0),
		"entries.tiff":      bombTIFF(4, 4, 16, 65_535),
		"claims.bmp":        bombBMP(60_000, 60_000),
		"claims.jpg":        []byte(jpeg),
	} {
		t.Run(name, func(t *testing.T) {
			saved := h.uploaded(h.upload(name, content))
			query := url.Values{"filename": {saved}, "type": {"input"}}.Encode()
			for _, more := range []string{"&channel=rgb", "&channel=a", "&preview=webp;90", "&res=64"} {
				a := h.ask("GET", "/view?"+query+more, nil)
				if a.status != 200 {
					h.refused(name+more, a, 400, 413)
				}
			}
			ref := `{"filename":"` + saved + `","type":"input"}`
			for what, a := range map[string]answer{
				"as a mask":      h.send("/api/upload/mask", "m.png", content, "original_ref", `{"filename":"`+plain+`","type":"input"}`),
				"as an original": h.send("/api/upload/mask", "m.png", small, "original_ref", ref),
			} {
				if a.status != 200 {
					h.refused(name+" "+what, a, 400, 413)
				}
			}
			a := h.post(`{"prompt":` + h.loaded(saved) + `}`)
			if a.status != 200 {
				h.refused(name+" in a workflow", a, 400)
				return
			}
			id := strings.Split(string(a.body), `"`)[3]
			h.ended(id)
		})
	}
}

// Large pictures that are within the limits are opened one after another, not
// all at once.
func TestLargePicturesAtOnce(t *testing.T) {
	h := enter(t)
	large := h.uploaded(h.upload("large.png", bombPNG(8000, 8000, 8000*(3*8000+1))))
	var many sync.WaitGroup
	for range 3 {
		many.Go(func() {
			a := h.ask("GET", "/view?type=input&res=64&filename="+large, nil)
			if a.status != 200 {
				t.Errorf("answered %v", a)
			}
		})
	}
	many.Wait()
}

// A picture in a link is not fetched, and one in base64 is no file.
func TestReferencesAreNamesOnly(t *testing.T) {
	h := enter(t)
	for _, ref := range []string{"http://127.0.0.1:1/x.png", "file:///etc/passwd", "data:image/png;base64," + base64.StdEncoding.EncodeToString(square(t, 2))} {
		h.refused(ref, h.post(`{"prompt":`+h.loaded(ref)+`}`), 400)
	}
}
