package native_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

// memory is a sink that keeps all in memory and names files as ComfyUI does, by
// looking at what is in the folder.
type memory struct {
	files  map[settee.File][]byte
	blobs  map[string][]byte
	frames []frame
	meta   map[string]json.RawMessage // by node
	output map[string]json.RawMessage // by node
	prompt string
	refuse func(engine.Executed) error // nil: never
	hear   func(frame)                 // nil: nobody
}

// frame is what a listener hears.
type frame struct {
	kind   string // "" for a binary one
	data   json.RawMessage
	binary []byte
}

func newMemory() *memory {
	return &memory{
		files: map[settee.File][]byte{}, blobs: map[string][]byte{},
		meta: map[string]json.RawMessage{}, output: map[string]json.RawMessage{},
	}
}

// begin starts a prompt.
func (m *memory) begin(promptID string) {
	m.prompt, m.frames, m.meta, m.output = promptID, nil, map[string]json.RawMessage{}, map[string]json.RawMessage{}
}

func (m *memory) add(f frame) {
	m.frames = append(m.frames, f)
	if m.hear != nil {
		m.hear(f)
	}
}

func (m *memory) Event(_ context.Context, e settee.Event) error {
	m.add(frame{kind: e.Type, data: e.Data})
	return nil
}

func (m *memory) Preview(_ context.Context, _ string, b []byte, _ bool) error {
	m.add(frame{binary: b})
	return nil
}

// Put has all bytes go along with the output, as those of small files do.
func (m *memory) Put(_ context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := io.ReadAll(content)
	return engine.BytesOf(b), err
}

func (m *memory) put(b []byte) settee.Blob {
	sum := blake3.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	m.blobs[hash] = b
	return settee.Blob{Hash: hash, Size: int64(len(b))}
}

type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

func (m *memory) Open(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	b, ok := m.blobs[hash]
	if !ok {
		return nil, settee.Faultf(settee.CodeNotFound, "no such blob")
	}
	return opened{bytes.NewReader(b)}, nil
}

func (m *memory) Last(ctx context.Context, x engine.Executed, named func(json.RawMessage)) error {
	output, err := m.Executed(ctx, x)
	if err == nil {
		named(output)
	}
	return err
}

func (m *memory) Executed(_ context.Context, x engine.Executed) (json.RawMessage, error) {
	if m.refuse != nil {
		if err := m.refuse(x); err != nil {
			return nil, err
		}
	}
	named := map[[2]int]settee.File{}
	for k, key := range x.Output {
		for i, e := range key.Entries {
			switch {
			case e.New != nil:
				f := settee.File{Filename: e.New.Name, Subfolder: e.New.Subfolder, Type: e.New.Type}
				if f.Filename == "" {
					f.Filename = record.FileName(*e.New, m.counter(*e.New))
				}
				m.files[f] = e.New.Small
				named[[2]int{k, i}] = f
			case e.Old != nil:
				named[[2]int{k, i}] = *e.Old
			}
		}
	}
	out := record.Output(x, func(k, i int) settee.File { return named[[2]int{k, i}] })
	data, meta := record.ExecutedData(m.prompt, x, out)
	if !x.Silent {
		m.add(frame{kind: settee.EventExecuted, data: data})
	}
	if !x.Null {
		m.meta[x.Node], m.output[x.Node] = meta, out
	}
	return out, nil
}

// counter is ComfyUI's scan of the folder (protocol note 4.7).
func (m *memory) counter(f engine.NewFile) int64 {
	last := int64(0)
	for have := range m.files {
		rest, ok := strings.CutPrefix(have.Filename, f.Prefix+"_")
		if !ok || have.Type != f.Type || have.Subfolder != f.Subfolder {
			continue
		}
		digits, _, _ := strings.Cut(rest, "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			n = 0
		}
		last = max(last, n)
	}
	return last + 1
}

// place reads "dir/name.png" or "name.png [output]" as a file.
func place(reference string, kind settee.FileType) settee.File {
	for _, t := range []settee.FileType{settee.Input, settee.Output, settee.Temp} {
		if s, ok := strings.CutSuffix(reference, " ["+string(t)+"]"); ok {
			reference, kind = s, t
		}
	}
	dir, name := path.Split(reference)
	return settee.File{Filename: name, Subfolder: strings.TrimSuffix(dir, "/"), Type: kind}
}
