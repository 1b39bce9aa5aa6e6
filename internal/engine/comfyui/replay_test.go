package comfyui_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// Every recorded workflow: what a real server sent comes out of the engine in
// the same order, ids and names aside.
func TestRecordedFramesComeThrough(t *testing.T) {
	turns := 0
	for _, c := range recording.Cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			// The order of frames is judged, so the truth must not be asked meanwhile.
			b := setUp(t, func(o *comfyui.Options) { o.Poll = time.Minute })
			all := b.server.Replay(c)
			for _, u := range all {
				turns++
				replay(b, c, u)
			}
		})
	}
	if turns < 177 {
		t.Errorf("only %d prompts were replayed", turns)
	}
}

// seenBy are recorded case names whose frames are those of several sockets, or
// of one that was away: order and number of frames are theirs.
func seenBy(c recording.Case, u comfyuitest.Turn) bool {
	return !u.Anyone && len(c.Sockets) == 1 || c.Name == "two-clients" || c.Name == "preview-two-clients"
}

func replay(b *bench, c recording.Case, u comfyuitest.Turn) {
	prompt := "client-" + u.ID[:4]
	b.sink.begin(prompt)
	j := job(string(u.Prompt.Raw()), u.Outputs...)
	j.PromptID, j.ExtraData = prompt, pyjson.Strict(u.Extra)
	before := len(u.Frames)
	if u.Last == settee.EventInterrupted {
		before = 0
		for _, f := range u.Frames {
			if f.Binary == nil && kindOf(f) == settee.EventInterrupted {
				break
			}
			if recorded(b, f, u, "") != "" {
				before++
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if u.Last == settee.EventInterrupted {
		n := 0
		b.sink.hear = func(frame) {
			if n++; n == before {
				cancel()
			}
		}
		defer func() { b.sink.hear = nil }()
	}
	err := b.engine.Run(ctx, j, b.sink)
	var have []string
	for _, f := range b.sink.frames {
		have = append(have, ours(b, f, prompt))
	}
	failure, failed := errors.AsType[*engine.Failure](err)
	halt, halted := errors.AsType[*engine.Interrupted](err)
	ending := settee.EventSuccess
	switch {
	case failed:
		ending = failure.Event.Type
		have = append(have, ours(b, frame{kind: ending, data: failure.Event.Data}, prompt))
	case halted:
		ending = halt.Event.Type
		have = append(have, ours(b, frame{kind: ending, data: halt.Event.Data}, prompt))
	case err != nil:
		b.Fatalf("prompt %d: %v", u.N, err)
	}
	if u.Last != ending {
		b.Errorf("prompt %d ended by %s, not %s", u.N, ending, u.Last)
	}
	outputs(b, u)
	if !seenBy(c, u) {
		return
	}
	var want []string
	for _, f := range u.Frames {
		if s := recorded(b, f, u, prompt); s != "" {
			want = append(want, s)
		}
	}
	if c.Name == "node-out-of-memory" { // tried again
		want = append(slices.Clone(want[:len(want)-1]), want...) // the first failure is not told
	}
	for i := range max(len(have), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(have) {
			g = have[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			b.Errorf("prompt %d: frame %d\n want %s\n have %s", u.N, i+1, w, g)
			break
		}
	}
}

// outputs compares what history would keep of the run.
func outputs(b *bench, u comfyuitest.Turn) {
	for _, part := range []struct {
		name string
		have map[string]string
	}{{"outputs", texts(b.sink.outputs)}, {"meta", texts(b.sink.meta)}} {
		want := map[string]string{}
		for _, m := range u.History.Get(part.name).Members() {
			want[m.Key] = plain(m.Value)
		}
		for id, w := range want {
			if part.have[id] != w {
				b.Errorf("prompt %d: %s of node %s\n want %s\n have %s", u.N, part.name, id, w, part.have[id])
			}
		}
		if len(part.have) != len(want) {
			b.Errorf("prompt %d: %s of %d nodes, not %d", u.N, part.name, len(part.have), len(want))
		}
	}
}

func texts[V ~[]byte](all map[string]V) map[string]string {
	out := map[string]string{}
	for k, raw := range all {
		if v, err := pyjson.Parse(raw); err == nil {
			out[k] = plain(v)
		}
	}
	return out
}

func kindOf(f recording.Frame) string {
	v, err := pyjson.Parse(f.Text)
	if err != nil {
		return ""
	}
	return v.Get("type").Text()
}

// recorded is a recorded frame as text to compare; "" where it does not reach a
// sink.
func recorded(b *bench, f recording.Frame, u comfyuitest.Turn, prompt string) string {
	rename := func(s string) string { return strings.ReplaceAll(s, u.ID, prompt) }
	if f.Binary != nil {
		frame := comfyuitest.Frame(*f.Binary)
		if f.Binary.Type == 4 {
			return fmt.Sprintf("binary 4 %d", f.Binary.Size-len(f.Binary.Header)/2)
		}
		return fmt.Sprintf("binary %x", frame)
	}
	v, err := pyjson.Parse([]byte(rename(string(f.Text))))
	if err != nil {
		b.Fatal(err)
	}
	switch kind := v.Get("type").Text(); kind {
	case settee.EventSuccess, settee.EventStatus:
		return ""
	default:
		return kind + " " + plain(v.Get("data"))
	}
}

func ours(b *bench, f frame, prompt string) string {
	if f.kind == "" {
		if f.binary[3] == 4 {
			n := int(f.binary[6])<<8 | int(f.binary[7])
			meta, err := pyjson.Parse(f.binary[8 : 8+n])
			if err != nil || meta.Get("prompt_id").Text() != prompt || meta.Get("node_id").Text() != f.node {
				b.Errorf("a picture of node %s says %s", f.node, f.binary[8:8+n])
			}
			return fmt.Sprintf("binary 4 %d", len(f.binary)-8-n)
		}
		return fmt.Sprintf("binary %x", f.binary)
	}
	v, err := pyjson.Parse(f.data)
	if err != nil {
		b.Fatalf("%s: %v in %s", f.kind, err, f.data)
	}
	return f.kind + " " + plain(v)
}

var (
	times    = regexp.MustCompile(`timestamp:\d+ `)
	counters = regexp.MustCompile(`_\d{5,}(_?\.)`)
)

// plain writes a value with its keys in order, without times and counters: the
// account's counter is not the folder's.
func plain(v pyjson.Value) string {
	return counters.ReplaceAllString(times.ReplaceAllString(sorted(v), ""), "_N$1")
}

func sorted(v pyjson.Value) string {
	switch v.Kind {
	case pyjson.Object:
		members := v.Members()
		slices.SortFunc(members, func(a, b pyjson.Member) int { return strings.Compare(a.Key, b.Key) })
		s := "{"
		for _, m := range members {
			s += m.Key + ":" + sorted(m.Value) + " "
		}
		return s + "}"
	case pyjson.Array:
		s := "["
		for item := range v.Items() {
			s += sorted(item) + " "
		}
		return s + "]"
	}
	return pyjson.Repr(v)
}
