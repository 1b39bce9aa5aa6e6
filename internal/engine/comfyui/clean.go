package comfyui

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"path"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// cleaned takes out of a file what only ComfyUI should have seen: in a PNG the
// text named prompt becomes the graph that the client reads back; in formats
// that carry the graph without a checksum, the salt is blanked byte by byte.
// Ogg, WebM and unknown formats pass as they are: there the salt stays, which
// opens nothing. The file can be read again, as content can.
func cleaned(name string, content io.ReadSeeker, job engine.Job, salt string) io.ReadSeeker {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".apng":
		return &cleaner{content: content, before: math.MaxInt64, clean: func() io.Reader {
			return &pngReader{in: bufio.NewReaderSize(content, 64<<10), job: job}
		}}
	case ".webp", ".mp4", ".mov", ".m4v", ".flac", ".mp3", ".latent", ".safetensors", ".svg", ".json", ".txt", ".glb", ".gif":
		return &cleaner{content: content, before: int64(len(salt)), clean: func() io.Reader {
			return &blanker{in: content, word: []byte(salt)}
		}}
	}
	return content
}

// cleaner reads content through a filter that begins so many bytes before the
// one that is asked for, at the first at the earliest: what comes out there
// depends on those alone.
type cleaner struct {
	content io.ReadSeeker
	before  int64
	clean   func() io.Reader // of content from where it is
	from    io.Reader        // nil: to be made
	at      int64            // the next byte
}

func (c *cleaner) Read(p []byte) (int, error) {
	if c.from == nil {
		start := max(0, c.at-c.before)
		if _, err := c.content.Seek(start, io.SeekStart); err != nil {
			return 0, err
		}
		from := c.clean()
		if _, err := io.CopyN(io.Discard, from, c.at-start); err != nil {
			return 0, err
		}
		c.from = from
	}
	n, err := c.from.Read(p)
	c.at += int64(n)
	return n, err
}

// Seek goes to an offset from the beginning or from where it is.
func (c *cleaner) Seek(offset int64, whence int) (int64, error) {
	offset, err := sought(c.at, offset, whence)
	if err != nil {
		return 0, err
	}
	if offset != c.at {
		c.from, c.at = nil, offset
	}
	return offset, nil
}

// blanker replaces a word by zeros of the same length, wherever it stands.
type blanker struct {
	in   io.Reader
	word []byte
	buf  []byte // capacity blankerSize
	safe int    // bytes of buf that can be given away: no word begins in them
	from int    // where they start
	err  error
}

const blankerSize = 128 << 10

func (b *blanker) Read(p []byte) (int, error) {
	for b.from == b.safe && b.err == nil {
		if b.buf == nil {
			b.buf = make([]byte, 0, blankerSize)
		}
		b.buf = b.buf[:copy(b.buf[:cap(b.buf)], b.buf[b.safe:])]
		n, err := b.in.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf, b.err, b.from = b.buf[:len(b.buf)+n], err, 0
		for rest := b.buf; ; {
			at := bytes.Index(rest, b.word)
			if at < 0 {
				break
			}
			for k := range b.word {
				rest[at+k] = '0'
			}
			rest = rest[at+len(b.word):]
		}
		if b.safe = len(b.buf); b.err == nil {
			b.safe = max(0, len(b.buf)-len(b.word)+1)
		}
	}
	if b.from == b.safe {
		return 0, b.err
	}
	n := copy(p, b.buf[b.from:b.safe])
	b.from += n
	return n, nil
}

// pngReader passes a PNG on with another text under "prompt". What is no PNG
// passes as it is. Only chunks of text are held in memory.
type pngReader struct {
	in      *bufio.Reader
	job     engine.Job
	out     []byte // made, not yet given
	pass    int64  // bytes to give as they come; < 0: all the rest
	started bool
	err     error
}

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	textLimit    = 128 << 20 // a longer text is left out
)

func (r *pngReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 && r.pass == 0 && r.err == nil {
		r.err = r.next()
	}
	switch {
	case len(r.out) > 0:
		n := copy(p, r.out)
		r.out = r.out[n:]
		return n, nil
	case r.pass != 0 && r.err == nil:
		if r.pass > 0 && int64(len(p)) > r.pass {
			p = p[:r.pass]
		}
		n, err := r.in.Read(p)
		if r.pass > 0 {
			if r.pass -= int64(n); err == io.EOF && r.pass > 0 {
				r.err = io.EOF // a cut file: as it is
			}
		}
		return n, err
	}
	return 0, r.err
}

// next reads the head of a chunk and decides what becomes of it.
func (r *pngReader) next() error {
	if !r.started {
		r.started = true
		if head, err := r.in.Peek(len(pngSignature)); string(head) != pngSignature {
			if err == io.EOF && len(head) == 0 {
				return io.EOF
			}
			r.pass = -1
			return nil
		}
		r.pass = int64(len(pngSignature))
		return nil
	}
	head, err := r.in.Peek(8)
	if err != nil && len(head) == 0 {
		return err
	}
	if len(head) < 8 {
		r.pass = -1
		return nil //nolint:nilerr // a cut file: as it is
	}
	size, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:8])
	if kind != "tEXt" && kind != "comf" {
		r.pass = 8 + size + 4
		return nil
	}
	if word, _ := r.in.Peek(15); len(word) < 15 || !bytes.Equal(word[8:], []byte("prompt\x00")) {
		r.pass = 8 + size + 4
		return nil
	}
	if size > textLimit {
		_, err := io.CopyN(io.Discard, r.in, 8+size+4)
		return err
	}
	chunk := make([]byte, 8+size+4)
	if n, err := io.ReadFull(r.in, chunk); err != nil {
		r.out = chunk[:n]
		return nil //nolint:nilerr // a cut file: as it is
	}
	text := append([]byte("prompt\x00"), promptText(r.job, chunk[15:8+size])...)
	r.out = binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	r.out = append(append(r.out, kind...), text...)
	r.out = binary.BigEndian.AppendUint32(r.out, crc32.ChecksumIEEE(r.out[4:]))
	return nil
}

// promptText is the graph as clients read it, with the is_changed that ComfyUI
// wrote into it (protocol note 4.3).
func promptText(job engine.Job, written []byte) []byte {
	root, err := pyjson.Parse(job.Prompt)
	if err != nil {
		return []byte("{}")
	}
	marks := map[string]pyjson.Value{}
	if v, err := pyjson.Parse(written); err == nil {
		for _, m := range v.Members() {
			if c := m.Value.Get("is_changed"); c.Kind != pyjson.Absent {
				marks[m.Key] = c
			}
		}
	}
	var edits []settee.Edit
	for _, m := range root.Members() {
		c, ok := marks[m.Key]
		if !ok || m.Value.Kind != pyjson.Object || m.Value.Get("is_changed").Kind != pyjson.Absent {
			continue
		}
		text := `"is_changed": ` + string(c.Raw())
		if m.Value.Len() > 0 {
			text = ", " + text
		}
		edits = append(edits, settee.Edit{Start: m.Value.End - 1, End: m.Value.End - 1, Text: text})
	}
	marked, err := pyjson.Parse(workflow.Apply(job.Prompt, edits, true))
	if err != nil {
		return pyjson.Dump(root)
	}
	return pyjson.Dump(marked)
}
