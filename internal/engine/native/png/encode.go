// Package png writes PNG files: 8 bits a channel, text chunks, and pixels
// packed on all processors. Rows are made when they are needed, so no copy of
// the picture is held; the bytes of a file depend on the picture alone, not on
// the number of processors. A panic of Row reaches the caller of Encode.
package png

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Picture is what to write.
type Picture struct {
	Width, Height int
	Channels      int // 1 grey, 3 RGB, 4 RGBA
	// Row puts row y into dst: Width × Channels bytes. It is called from several
	// goroutines, for some rows twice.
	Row func(y int, dst []byte)
	// Text chunks, written in order before the pixels.
	Text []Text
	// Level of packing, 1 (fast) to 9 (small).
	Level int
}

// Text is a tEXt chunk: a keyword and its text, both Latin-1.
type Text struct{ Key, Text string }

// ErrEncoding says that a keyword or a text has characters beyond Latin-1.
var ErrEncoding = errors.New("a text chunk takes only Latin-1 characters")

// piece is about how many bytes of pixels are packed in one go.
const piece = 512 << 10

var colorTypes = map[int]byte{1: 0, 3: 2, 4: 6}

// Encode gives the file. The error is the context's, ErrEncoding, or says that
// there is no such picture.
func Encode(ctx context.Context, p Picture) ([]byte, error) {
	kind, ok := colorTypes[p.Channels]
	if !ok || p.Width <= 0 || p.Height <= 0 {
		return nil, fmt.Errorf("no PNG of %d×%d pixels with %d channels", p.Width, p.Height, p.Channels)
	}
	var out bytes.Buffer
	out.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(p.Width))
	head = binary.BigEndian.AppendUint32(head, uint32(p.Height))
	chunk(&out, "IHDR", append(head, 8, kind, 0, 0, 0))
	for _, t := range p.Text {
		body, err := latin1(t)
		if err != nil {
			return nil, err
		}
		chunk(&out, "tEXt", body)
	}
	if err := p.pixels(ctx, &out); err != nil {
		return nil, err
	}
	chunk(&out, "IEND", nil)
	return out.Bytes(), nil
}

func chunk(out *bytes.Buffer, kind string, parts ...[]byte) {
	var head [8]byte
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	binary.BigEndian.PutUint32(head[:4], uint32(n))
	copy(head[4:], kind)
	out.Write(head[:])
	sum := crc32.ChecksumIEEE(head[4:])
	for _, p := range parts {
		out.Write(p)
		sum = crc32.Update(sum, crc32.IEEETable, p)
	}
	out.Write(binary.BigEndian.AppendUint32(nil, sum))
}

func latin1(t Text) ([]byte, error) {
	var body []byte
	for i, s := range []string{t.Key, t.Text} {
		if i > 0 {
			body = append(body, 0)
		}
		for _, r := range s {
			if r > 0xff {
				return nil, ErrEncoding
			}
			body = append(body, byte(r))
		}
	}
	return body, nil
}

// packed is a piece of the stream.
type packed struct {
	data  []byte
	adler uint32
	size  int // bytes before packing
}

// pixels writes the IDAT chunks: pieces packed on their own, one stream
// together.
func (p *Picture) pixels(ctx context.Context, out *bytes.Buffer) error {
	stride := p.Width * p.Channels
	rows := max(1, piece/(stride+1))
	count := (p.Height + rows - 1) / rows
	pieces := make([]packed, count)
	var next, failed = 0, error(nil)
	var panicked any
	var mu sync.Mutex
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), count) {
		all.Go(func() {
			defer func() { // to the caller, who may live through it
				if p := recover(); p != nil {
					mu.Lock()
					panicked, next = p, count
					mu.Unlock()
				}
			}()
			w := newPacker(p)
			for {
				mu.Lock()
				i := next
				next++
				stop := failed != nil || i >= count
				mu.Unlock()
				if stop {
					return
				}
				err := ctx.Err()
				if err == nil {
					pieces[i], err = w.pack(i*rows, min(p.Height, (i+1)*rows))
				}
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
			}
		})
	}
	all.Wait()
	if panicked != nil {
		panic(panicked)
	}
	if failed != nil {
		return failed
	}
	sum := uint32(1)
	for i, piece := range pieces {
		sum = combine(sum, piece.adler, piece.size)
		parts := [][]byte{piece.data}
		if i == 0 {
			parts = append([][]byte{{0x78, 0x5e}}, parts...)
		}
		if i == count-1 {
			parts = append(parts, binary.BigEndian.AppendUint32(nil, sum))
		}
		chunk(out, "IDAT", parts...)
	}
	return nil
}

// combine is the checksum of two texts in a row; size is that of the second.
func combine(a, b uint32, size int) uint32 {
	const base = 65521
	rem := uint64(size % base)
	low, high := uint64(a&0xffff), uint64(a>>16)
	sum := (low + uint64(b&0xffff) + base - 1) % base
	total := (rem*low + high + uint64(b>>16) + base - rem) % base
	return uint32(total<<16 | sum)
}

// packer filters and packs rows.
type packer struct {
	p         *Picture
	prev, row []byte
	filtered  []byte
	deflate   *flate.Writer
}

func newPacker(p *Picture) *packer {
	stride := p.Width * p.Channels
	return &packer{p: p, prev: make([]byte, stride), row: make([]byte, stride), filtered: make([]byte, stride+1)}
}

func (w *packer) pack(from, to int) (packed, error) {
	var out bytes.Buffer
	if w.deflate == nil {
		var err error
		if w.deflate, err = flate.NewWriter(&out, w.p.Level); err != nil {
			return packed{}, err
		}
	} else {
		w.deflate.Reset(&out)
	}
	if from > 0 {
		w.p.Row(from-1, w.prev)
	} else {
		clear(w.prev)
	}
	sum := adler32.New()
	for y := from; y < to; y++ {
		w.p.Row(y, w.row)
		filter(w.filtered, w.row, w.prev, w.p.Channels)
		sum.Write(w.filtered)
		if _, err := w.deflate.Write(w.filtered); err != nil {
			return packed{}, err
		}
		w.prev, w.row = w.row, w.prev
	}
	end := w.deflate.Flush
	if to == w.p.Height {
		end = w.deflate.Close
	}
	if err := end(); err != nil {
		return packed{}, err
	}
	return packed{data: out.Bytes(), adler: sum.Sum32(), size: (to - from) * len(w.filtered)}, nil
}
