package comfyui_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/record"
)

// memory is a sink that keeps all in memory and counts names per account.
type memory struct {
	mu      sync.Mutex
	prompt  string
	files   map[settee.File][]byte
	blobs   map[string][]byte
	frames  []frame
	outputs map[string]json.RawMessage // by node
	meta    map[string]json.RawMessage // by node
	counter map[settee.File]int64
	hear    func(frame) // nil: nobody
	refuse  func(kind string) error
	full    error // of Put
	reread  []int // Put reads content again from these places
}

// frame is what a listener hears.
type frame struct {
	kind   string // "" for a binary one
	data   json.RawMessage
	node   string // of a binary one
	binary []byte
	wanted bool
}

func newMemory(prompt string) *memory {
	return &memory{prompt: prompt, files: map[settee.File][]byte{}, blobs: map[string][]byte{}, outputs: map[string]json.RawMessage{},
		meta: map[string]json.RawMessage{}, counter: map[settee.File]int64{}}
}

// begin starts another prompt of the same account.
func (m *memory) begin(prompt string) {
	m.prompt, m.frames, m.outputs, m.meta = prompt, nil, map[string]json.RawMessage{}, map[string]json.RawMessage{}
}

func (m *memory) add(f frame) error {
	m.mu.Lock()
	m.frames = append(m.frames, f)
	hear, refuse := m.hear, m.refuse
	m.mu.Unlock()
	if hear != nil {
		hear(f)
	}
	if refuse != nil {
		return refuse(f.kind)
	}
	return nil
}

func (m *memory) Event(_ context.Context, e settee.Event) error {
	return m.add(frame{kind: e.Type, data: e.Data})
}

func (m *memory) Preview(_ context.Context, node string, b []byte, wanted bool) error {
	return m.add(frame{node: node, binary: b, wanted: wanted})
}

// Put has all bytes go along with the output, as those of small files do.
func (m *memory) Put(_ context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := io.ReadAll(content)
	if err = cmp.Or(err, m.full); err != nil {
		return engine.Bytes{}, err
	}
	for _, at := range m.reread {
		if _, err := content.(io.Seeker).Seek(int64(at), io.SeekStart); err != nil {
			return engine.Bytes{}, err
		}
		if rest, err := io.ReadAll(content); err != nil || !bytes.Equal(rest, b[at:]) {
			return engine.Bytes{}, fmt.Errorf("from %d on %d bytes are others: %w", at, len(rest), err)
		}
	}
	return engine.BytesOf(b), nil
}

func (m *memory) put(b []byte) settee.Blob {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := blake3.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	m.blobs[hash] = b
	return settee.Blob{Hash: hash, Size: int64(len(b))}
}

type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

func (m *memory) Open(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
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
	m.mu.Lock()
	named := map[[2]int]settee.File{}
	for k, key := range x.Output {
		for i, e := range key.Entries {
			switch {
			case e.New != nil:
				f := settee.File{Filename: e.New.Name, Subfolder: e.New.Subfolder, Type: e.New.Type}
				if f.Filename == "" {
					c := settee.File{Filename: e.New.Prefix, Subfolder: f.Subfolder, Type: f.Type}
					m.counter[c]++
					f.Filename = record.FileName(*e.New, m.counter[c])
				}
				m.files[f] = e.New.Small
				named[[2]int{k, i}] = f
			case e.Old != nil:
				if _, ok := m.files[*e.Old]; !ok && e.Old.Type != settee.Input {
					m.mu.Unlock()
					return nil, settee.Faultf(settee.CodeNotFound, "the file is not there any more")
				}
				named[[2]int{k, i}] = *e.Old
			}
		}
	}
	out := record.Output(x, func(k, i int) settee.File { return named[[2]int{k, i}] })
	data, meta := record.ExecutedData(m.prompt, x, out)
	if !x.Null {
		m.outputs[x.Node], m.meta[x.Node] = out, meta
	}
	m.mu.Unlock()
	if x.Silent {
		return out, nil
	}
	return out, m.add(frame{kind: settee.EventExecuted, data: data})
}

// kinds lists the types of the frames, binary ones as "binary".
func (m *memory) kinds() (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.frames {
		all = append(all, f.name())
	}
	return all
}

func (f frame) name() string {
	if f.kind == "" {
		return "binary"
	}
	return f.kind
}

func (m *memory) count(kind string) int {
	n := 0
	for _, k := range m.kinds() {
		if k == kind {
			n++
		}
	}
	return n
}

// everything is all that a client could see, as one text.
func (m *memory) everything() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, f := range m.frames {
		b.Write(f.data)
		b.Write(f.binary)
	}
	for _, o := range m.outputs {
		b.Write(o)
	}
	for f, content := range m.files {
		b.WriteString(f.Filename)
		b.Write(content)
	}
	return b.String()
}

// bench is a server, an engine and an account's sink.
type bench struct {
	*testing.T
	server *comfyuitest.Server
	engine *comfyui.Engine
	sink   *memory
}

func setUp(t *testing.T, change func(*comfyui.Options)) *bench {
	s := comfyuitest.New(t)
	opt := comfyui.Options{URL: s.URL, Poll: 200 * time.Millisecond, Silence: late, Patience: late, Grace: late, Abandon: late}
	if change != nil {
		change(&opt)
	}
	e := comfyui.New(opt)
	t.Cleanup(func() { e.Close() })
	return &bench{T: t, server: s, engine: e, sink: newMemory("client-1")}
}

// job makes a job of account ann of a graph; "outputs" lists its output nodes.
func job(graph string, outputs ...string) engine.Job {
	return engine.Job{ID: uuid.NewString(), PromptID: "client-1", AccountID: "ann", Graph: json.RawMessage(graph), Prompt: json.RawMessage(graph),
		ExtraData: json.RawMessage(`{}`), Outputs: outputs}
}

// input uploads a file of the account and pins it.
func (m *memory) input(node, input, reference, content string) settee.JobInput {
	b := m.put([]byte(content))
	return settee.JobInput{Node: node, Input: input, Reference: reference, Hash: b.Hash, Size: b.Size}
}

func (b *bench) run(j engine.Job) error {
	b.Helper()
	return b.engine.Run(context.Background(), j, b.sink)
}

func (b *bench) mustRun(j engine.Job) {
	b.Helper()
	if err := b.run(j); err != nil {
		b.Fatal(err)
	}
}

// late is when what must happen is given up, on a machine that has other things to do.
const late = 2 * time.Minute

// within fails the test when done is not closed in time.
func within(t testing.TB, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(late):
		t.Fatalf("%s did not happen", what)
	}
}

// until waits for a frame of that type; the channel is closed when it comes.
func (m *memory) until(match func(frame) bool) <-chan struct{} {
	came := make(chan struct{})
	var once sync.Once
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hear = func(f frame) {
		if match(f) {
			once.Do(func() { close(came) })
		}
	}
	return came
}

func executing(node string) func(frame) bool {
	return func(f frame) bool {
		if f.kind != settee.EventExecuting {
			return false
		}
		v, err := pyjson.Parse(f.data)
		return err == nil && v.Get("node").Text() == node
	}
}

func same(t testing.TB, what string, have, want []string) {
	t.Helper()
	if !slices.Equal(have, want) {
		t.Errorf("%s:\n have %q\n want %q", what, have, want)
	}
}
