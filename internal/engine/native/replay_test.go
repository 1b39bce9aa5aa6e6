package native_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	stdpng "image/png"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// left are cases of native classes that cannot be replayed here, and why.
var left = map[string]string{
	"interrupt-no-model": "stopped at a moment of a clock",
	"delete-pending":     "about the queue",
	"queue-order":        "about the queue",
	"reconnect":          "about the sockets",
	"two-clients":        "about the sockets",
	"error-file-removed": "a file that goes after validation is still pinned here",
	"image-set":          "names a folder, not a file",

	"node-progress-jpeg":          "previews of a sampler",
	"node-progress-jpeg-metadata": "previews of a sampler",
	"node-progress-png":           "previews of a sampler",
	"node-same-client-id":         "about the sockets",
}

// Every recorded workflow that the engine has all classes of: same frames in
// the same order, same outputs, names, pixels and text, same errors.
func TestRecordedCases(t *testing.T) {
	replayed := 0
	all := append(node.All(), standIns...)
	for _, c := range recording.Cases(t) {
		if left[c.Name] != "" || slices.ContainsFunc(c.Nodes, func(n string) bool { return class(all, n) == nil }) {
			continue
		}
		replayed++
		t.Run(c.Name, func(t *testing.T) {
			r := &replay{T: t, c: c, classes: all, sink: newMemory(), shown: map[int]map[string]json.RawMessage{}}
			r.run()
		})
	}
	if replayed < 99 {
		t.Errorf("only %d cases were replayed", replayed)
	}
}

func class(all []node.Class, name string) *node.Class {
	i := slices.IndexFunc(all, func(c node.Class) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// replay is a case on its way.
type replay struct {
	*testing.T
	c       recording.Case
	classes []node.Class
	sink    *memory
	engine  *native.Engine
	shown   map[int]map[string]json.RawMessage // outputs, by prompt and node
}

// turn is a prompt as it was run.
type turn struct {
	n       int // number of the submission, from 1
	id      string
	t       float64
	history pyjson.Value
	frames  []recording.Frame
}

func (r *replay) run() {
	for _, f := range r.c.Inputs {
		r.sink.files[place(f.Path, settee.Input)] = f.Data
	}
	for _, f := range r.c.Presets {
		kind, name, _ := strings.Cut(f.Path, "/")
		r.sink.files[place(name, settee.FileType(kind))] = f.Data
	}
	r.engine = native.New(native.Options{Classes: r.classes})
	turns := r.turns()
	if len(turns) == 0 {
		r.Fatal("nothing was run")
	}
	last := 0.0
	for _, u := range turns {
		for _, s := range r.c.Steps {
			if s.Path == "/free" && s.T > last && s.T < u.t {
				r.engine = native.New(native.Options{Classes: r.classes})
			}
		}
		last = u.t
		r.turn(u)
	}
	r.files()
}

// turns are the prompts that started, in that order, with what their socket
// heard of them.
func (r *replay) turns() []turn {
	var all []turn
	for i, p := range r.c.Prompts {
		h, err := pyjson.Parse(p.History)
		if err != nil || h.Len() == 0 {
			continue
		}
		m := h.Members()[0]
		u := turn{n: i + 1, id: m.Key, history: m.Value}
		for _, s := range r.c.Sockets {
			on := false
			for _, f := range s.Frames {
				if f.Binary != nil {
					if on {
						u.frames = append(u.frames, f)
					}
					continue
				}
				var e struct {
					Type string
					Data struct {
						ID string `json:"prompt_id"`
					}
				}
				if err := json.Unmarshal(f.Text, &e); err != nil || e.Data.ID != u.id {
					continue
				}
				if !on {
					on, u.t = true, f.T
				}
				u.frames = append(u.frames, f)
				if e.Type == settee.EventExecuting && f.Text != nil && bytes.Contains(f.Text, []byte(`"node": null`)) || e.Type == settee.EventInterrupted {
					on = false
				}
			}
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b turn) int { return cmp.Compare(a.t, b.t) })
	return all
}

func (r *replay) turn(u turn) {
	item := u.history.Get("prompt")
	job := engine.Job{ID: u.id, PromptID: u.id, AccountID: "a", Graph: item.Index(2).Raw(), Prompt: item.Index(2).Raw(), ExtraData: item.Index(3).Raw()}
	for o := range item.Index(4).Items() {
		job.Outputs = append(job.Outputs, o.Text())
	}
	job.Inputs = r.pins(item.Index(2), u)
	r.sink.begin(u.id)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if r.c.Name == "node-interrupt" {
		steps := 0
		r.sink.hear = func(f frame) {
			if f.kind == settee.EventProgress {
				if steps++; steps == 3 {
					cancel()
				}
			}
		}
	}
	err := r.engine.Run(ctx, job, r.sink)
	var got []string
	for _, f := range r.sink.frames {
		if r.c.Name != "no-client-id" || f.kind == "" || f.kind == settee.EventState { // what a bystander hears
			got = append(got, r.ours(f))
		}
	}
	ending := settee.Event{Type: settee.EventSuccess, Data: json.RawMessage(`{"prompt_id":"` + u.id + `"}`)}
	failure, failed := errors.AsType[*engine.Failure](err)
	interrupted, stopped := errors.AsType[*engine.Interrupted](err)
	switch {
	case failed:
		ending = failure.Event
	case stopped:
		ending = interrupted.Event
	case err != nil:
		r.Fatalf("prompt %d: %v", u.n, err)
	}
	if r.c.Name != "no-client-id" {
		got = append(got, r.ours(frame{kind: ending.Type, data: ending.Data}))
	}
	if r.c.Name == "websocket-image" { // who knows no metadata gets a picture after its progress
		for i := 1; i < len(got); i++ {
			if got[i-1] == "image" {
				got[i-1], got[i] = got[i], got[i-1]
				i++
			}
		}
	}
	var want []string
	for _, f := range u.frames {
		if s := r.recorded(f); s != "" {
			want = append(want, s)
		}
	}
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			r.Errorf("prompt %d: frame %d\n want %s\n have %s", u.n, i+1, w, g)
			break
		}
	}
	r.outputs(u)
	r.shown[u.n] = r.sink.output
}

// outputs compares what history keeps of the run.
func (r *replay) outputs(u turn) {
	for _, part := range []struct {
		name string
		have map[string]json.RawMessage
	}{{"outputs", r.sink.output}, {"meta", r.sink.meta}} {
		want := u.history.Get(part.name)
		for _, m := range want.Members() {
			have, err := pyjson.Parse(part.have[m.Key])
			if err != nil {
				r.Errorf("prompt %d: no %s of node %s", u.n, part.name, m.Key)
				continue
			}
			if g, w := letters.ReplaceAllString(plain(have), "_temp_?"), letters.ReplaceAllString(plain(m.Value), "_temp_?"); g != w {
				r.Errorf("prompt %d: %s of node %s\n want %s\n have %s", u.n, part.name, m.Key, w, g)
			}
		}
		if len(part.have) != want.Len() {
			r.Errorf("prompt %d: %s of %d nodes, not %d", u.n, part.name, len(part.have), want.Len())
		}
	}
}

// pins finds the files that the graph names, as they are now.
func (r *replay) pins(graph pyjson.Value, u turn) (pins []settee.JobInput) {
	for _, n := range graph.Members() {
		kind := class(r.classes, n.Value.Get("class_type").Text())
		if kind == nil {
			continue
		}
		for _, in := range kind.Inputs {
			v := n.Value.Get("inputs").Get(in.Name)
			if !in.File || v.Kind != pyjson.String {
				continue
			}
			if data, ok := r.sink.files[place(v.Text(), settee.Input)]; ok {
				data = r.replaced(data, u)
				b := r.sink.put(data)
				pins = append(pins, settee.JobInput{Node: n.Key, Input: in.Name, Reference: v.Text(), Hash: b.Hash, Size: b.Size})
			}
		}
	}
	return pins
}

// replaced is an input file as it was at that turn: in one case it changes
// after the first prompt, and what was loaded tells how it was before.
func (r *replay) replaced(data []byte, u turn) []byte {
	if r.c.Name != "input-replaced" || u.n > 1 {
		return data
	}
	return r.sink.file(r.c, "loaded_00001_.png")
}

// file gives the recorded bytes of an output.
func (m *memory) file(c recording.Case, name string) []byte {
	for _, o := range c.Outputs {
		if o.Filename == name {
			return o.PNG
		}
	}
	return nil
}

var (
	times   = regexp.MustCompile(`timestamp:\d+ `)
	letters = regexp.MustCompile(`_temp_[a-z]{5}`)
)

// ours is a frame as text to compare.
func (r *replay) ours(f frame) string {
	if f.kind == "" && f.binary[3] == 4 {
		n := 8 + int(f.binary[6])<<8 + int(f.binary[7])
		return r.image(f.binary[8:n])
	}
	if f.kind == "" {
		return fmt.Sprintf("binary %x", f.binary)
	}
	v, err := pyjson.Parse(f.data)
	if err != nil {
		r.Fatalf("%s: %v in %s", f.kind, err, f.data)
	}
	return r.text(f.kind, v)
}

func (r *replay) recorded(f recording.Frame) string {
	if f.Binary != nil && f.Binary.Type != 3 {
		head, err := hex.DecodeString(f.Binary.Header)
		if err != nil {
			r.Fatal(err)
		}
		return r.image(head[8:])
	}
	if f.Binary != nil {
		return fmt.Sprintf("binary %s%x", f.Binary.Header, f.Binary.Text)
	}
	v, err := pyjson.Parse(f.Text)
	if err != nil {
		r.Fatal(err)
	}
	kind := v.Get("type").Text()
	if kind == settee.EventStatus || kind == "recording.event" || kind == settee.EventExecuting && v.Get("data").Get("node").Kind == pyjson.Null {
		return ""
	}
	return r.text(kind, v.Get("data"))
}

// image is a picture on the wire: its metadata for those who know it, else just
// that it came.
func (r *replay) image(meta []byte) string {
	if r.c.Name != "websocket-image-metadata" {
		return "image"
	}
	v, err := pyjson.Parse(meta)
	if err != nil {
		r.Fatalf("%v in %q", err, meta)
	}
	return "image " + plain(v)
}

// text is an event without what differs from run to run: times, letters, the
// order of sets.
func (r *replay) text(kind string, v pyjson.Value) string {
	s := times.ReplaceAllString(plain(v), "")
	return kind + " " + letters.ReplaceAllString(s, "_temp_?")
}

// plain writes a value with its keys in order, tracebacks left out.
func plain(v pyjson.Value) string {
	switch v.Kind {
	case pyjson.Object:
		members := v.Members()
		slices.SortFunc(members, func(a, b pyjson.Member) int { return strings.Compare(a.Key, b.Key) })
		s := "{"
		for _, m := range members {
			switch m.Key {
			case "traceback":
			case "executed", "current_outputs":
				if m.Value.Kind != pyjson.Array {
					s += m.Key + ":" + plain(m.Value) + " "
					continue
				}
				var set []string
				for item := range m.Value.Items() {
					set = append(set, item.Text())
				}
				slices.Sort(set)
				s += m.Key + ":" + strings.Join(set, ",") + " "
			case "exception_message":
				s += m.Key + ":" + unpathed(m.Value.Text()) + " "
			default:
				s += m.Key + ":" + plain(m.Value) + " "
			}
		}
		return s + "}"
	case pyjson.Array:
		s := "["
		for item := range v.Items() {
			s += plain(item) + " "
		}
		return s + "]"
	}
	return pyjson.Repr(v)
}

// unpathed takes the server's own folders out of a message.
func unpathed(s string) string {
	return strings.NewReplacer("/opt/ComfyUI/", "/", "commonpath: /opt/ComfyUI", "commonpath: /").Replace(s)
}

// files compares every file that was made with the recorded one: the same node
// of the same prompt names it.
func (r *replay) files() {
	for _, o := range r.c.Outputs {
		if !strings.HasPrefix(o.MIME, "image/png") {
			continue
		}
		var ui map[string][]settee.File
		if err := json.Unmarshal(r.shown[o.Prompt][o.Node], &ui); err != nil {
			r.Errorf("node %s of prompt %d: %v", o.Node, o.Prompt, err)
			continue
		}
		want := full(settee.File{Filename: o.Filename, Subfolder: o.Subfolder, Type: settee.FileType(o.Type)})
		i := slices.IndexFunc(ui[o.Key], func(f settee.File) bool { return full(f) == want })
		if i < 0 {
			r.Errorf("%s was not made", want)
			continue
		}
		r.same(o, want, r.sink.files[ui[o.Key][i]])
	}
}

func full(f settee.File) string {
	return letters.ReplaceAllString(fmt.Sprintf("%s/%s/%s", f.Type, f.Subfolder, f.Filename), "_temp_?")
}

// same compares a file's chunks and pixels.
func (r *replay) same(o recording.Output, name string, data []byte) {
	// Where a file is read that was made or replaced here, its own hash stands
	// in the text.
	known := r.c.Name != "file-annotations" && !(r.c.Name == "input-replaced" && o.Filename != "loaded_00002_.png")
	if want, have := texts(o.Chunks), chunks(data); known && want != have {
		r.Errorf("%s: text chunks\n want %s\n have %s", name, want, have)
	}
	img, err := stdpng.Decode(bytes.NewReader(data))
	if err != nil {
		r.Errorf("%s: %v", name, err)
		return
	}
	if slices.Contains(r.c.Tags, "custom nodes") {
		return // what a custom node paints is its own
	}
	pix := pixels(img)
	sum := sha256.Sum256(pix)
	if hex.EncodeToString(sum[:]) == o.Pixels {
		return
	}
	if o.PNG == nil || r.c.Within < 0 {
		r.Errorf("%s: pixels differ", name)
		return
	}
	want, err := o.Picture()
	if err != nil {
		r.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != o.Width || b.Dy() != o.Height || len(pix) != len(want) {
		r.Errorf("%s: %d×%d, %d bytes of pixels; not %d×%d, %d", name, b.Dx(), b.Dy(), len(pix), o.Width, o.Height, len(want))
		return
	}
	worst, count := 0, 0
	for i := range pix {
		if d := max(int(pix[i]), int(want[i])) - min(int(pix[i]), int(want[i])); d > 0 {
			count++
			worst = max(worst, d)
		}
	}
	if worst > r.c.Within {
		r.Errorf("%s: %d of %d bytes are off by up to %d; %d is allowed", name, count, len(pix), worst, r.c.Within)
	} else {
		r.Logf("%s: %d of %d bytes are off by up to %d", name, count, len(pix), worst)
	}
}

func pixels(img image.Image) []byte {
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

func texts(all []recording.Chunk) string {
	s := ""
	for _, c := range all {
		if c.Type == "tEXt" {
			s += c.Keyword + "=" + c.SHA256 + " "
		}
	}
	return s
}

func chunks(data []byte) string {
	s := ""
	for at := 8; at+12 <= len(data); {
		n := int(data[at])<<24 | int(data[at+1])<<16 | int(data[at+2])<<8 | int(data[at+3])
		if string(data[at+4:at+8]) == "tEXt" {
			key, text, _ := bytes.Cut(data[at+8:at+8+n], []byte{0})
			sum := sha256.Sum256(text)
			s += string(key) + "=" + hex.EncodeToString(sum[:]) + " "
		}
		at += 12 + n
	}
	return s
}
