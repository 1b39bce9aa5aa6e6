package replay_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// line is a frame to compare: what it says, and which node of which prompt it
// is about.
type line struct {
	prompt, node, text string
}

// reader turns a socket's frames into lines.
type reader struct {
	*play
	states map[string]map[string]string // by prompt and node
	lines  []line
	node   string // that was mentioned last
	prompt string
}

// recorded are the lines of a recorded socket.
func (p *play) recorded(s recording.Socket) []line {
	r := &reader{play: p, states: map[string]map[string]string{}}
	for _, f := range s.Frames {
		switch {
		case f.Binary == nil:
			r.text(f.Text)
		case f.Binary.Type == 3:
			header, err := hex.DecodeString(f.Binary.Header)
			if err != nil {
				r.Fatal(err)
			}
			r.binary(append(header, f.Binary.Text...))
		default:
			header, err := hex.DecodeString(f.Binary.Header)
			if err != nil {
				r.Fatal(err)
			}
			r.binary(header)
		}
	}
	return r.lines
}

// heard are the lines of a listener.
func (p *play) heard(l *listener) []line {
	r := &reader{play: p, states: map[string]map[string]string{}}
	for _, f := range l.heard() {
		if f.text != nil {
			r.text(f.text)
		} else {
			r.binary(f.binary)
		}
	}
	return r.lines
}

func (r *reader) add(prompt, node, format string, args ...any) {
	if node != "" {
		r.node = node
	}
	r.prompt = prompt
	r.lines = append(r.lines, line{prompt, node, fmt.Sprintf(format, args...)})
}

func (r *reader) text(raw []byte) {
	v := parse(r.T, r.named(raw))
	kind, data := v.Get("type").Text(), v.Get("data")
	prompt, node := data.Get("prompt_id").Text(), data.Get("node")
	if node.Kind == pyjson.Absent {
		node = data.Get("node_id")
	}
	switch kind {
	case "status":
		if r.counts { // only then is it known when they come
			r.lines = append(r.lines, line{r.prompt, "", "status " + write(data)})
		}
	case "feature_flags": // what a server can do is its own
	case "progress_state":
		r.state(prompt, data.Get("nodes"))
	default:
		r.add(prompt, node.Text(), "%s %s", kind, plain(data))
	}
}

// state tells what changed since the prompt's last progress_state; nodes never
// leave it.
func (r *reader) state(prompt string, nodes pyjson.Value) {
	before := r.states[prompt]
	now := map[string]string{}
	changed := false
	for _, m := range nodes.Members() {
		now[m.Key] = plain(m.Value)
		if before[m.Key] != now[m.Key] {
			r.add(prompt, m.Key, "progress_state %s", now[m.Key])
			changed = true
		}
	}
	for node := range before {
		if now[node] == "" {
			r.Errorf("node %s left progress_state", node)
		}
	}
	if !changed {
		r.add(prompt, r.node, "progress_state as before")
	}
	r.states[prompt] = now
}

// binary tells a text in full, of a picture its kind and metadata.
func (r *reader) binary(b []byte) {
	if len(b) < 8 {
		r.Fatalf("binary frame of %d bytes", len(b))
	}
	kind, n := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch kind {
	case 3:
		r.add(r.prompt, string(b[8:8+n]), "text %q", b[8+n:])
	case 4:
		r.add(r.prompt, "", "picture %s", plain(parse(r.T, r.named(b[8:8+n]))))
	default:
		r.add(r.prompt, "", "picture %d %d", kind, n)
	}
}

// named puts P1, P2, … for the prompts' ids, recorded ones and ours.
func (p *play) named(raw []byte) []byte {
	for id, name := range p.names {
		raw = bytes.ReplaceAll(raw, []byte(`"`+id+`"`), []byte(`"`+name+`"`))
	}
	return raw
}

// sameFrames compares a socket's frames: equal, or for prompts with several
// outputs, whose order is free, equal for each node and in an order that the
// links allow.
func (p *play) sameFrames(name string, want, got []line) {
	p.Helper()
	if slices.Equal(want, got) {
		return
	}
	w, g := split(want), split(got)
	for _, prompt := range slices.Sorted(maps.Keys(w)) {
		if len(p.several[prompt]) > 1 {
			p.sameNodes(name, prompt, w[prompt], g[prompt])
			continue
		}
		p.sameLines(name+", "+prompt, w[prompt], g[prompt])
	}
	for prompt := range g {
		if w[prompt] == nil {
			p.Errorf("%s heard of %s", name, prompt)
		}
	}
	if order := func(all []line) (o []string) {
		for _, l := range all {
			if strings.HasPrefix(l.text, "execution_start") {
				o = append(o, l.prompt)
			}
		}
		return o
	}; !slices.Equal(order(want), order(got)) {
		p.Errorf("%s: prompts started in the order %v, recorded %v", name, order(got), order(want))
	}
}

func split(all []line) map[string][]line {
	m := map[string][]line{}
	for _, l := range all {
		m[l.prompt] = append(m[l.prompt], l)
	}
	return m
}

func (p *play) sameLines(what string, want, got []line) {
	p.Helper()
	for i := range max(len(want), len(got)) {
		w, g := "(nothing)", "(nothing)"
		if i < len(want) {
			w = want[i].text
		}
		if i < len(got) {
			g = got[i].text
		}
		if w != g {
			p.Errorf("%s: frame %d\n want %.700s\n have %.700s", what, i+1, w, g)
			return
		}
	}
}

// byNode sorts a prompt's lines by node. Which of some twins runs is as free as
// the order of outputs, so they are one: their blocks of lines, sorted.
func (p *play) byNode(prompt string, all []line) map[string][]line {
	blocks := map[string][]line{}
	for _, l := range all {
		blocks[l.node] = append(blocks[l.node], line{l.prompt, l.node, p.free(prompt, l.text)})
	}
	groups := map[string][][]line{}
	for node, block := range blocks {
		first := node
		if t := p.twins[prompt][node]; t != "" {
			first = t
		}
		groups[first] = append(groups[first], block)
	}
	sorted := map[string][]line{}
	for first, group := range groups {
		slices.SortFunc(group, func(a, b []line) int {
			return slices.CompareFunc(a, b, func(x, y line) int { return strings.Compare(x.text, y.text) })
		})
		sorted[first] = slices.Concat(group...)
	}
	return sorted
}

// free takes from a text what depends on the order of outputs: the numbers of
// files, and which of some twins it is about.
func (p *play) free(prompt, text string) string {
	if len(p.several[prompt]) < 2 {
		return text
	}
	text = counters.ReplaceAllString(text, "_#_")
	for node, first := range p.twins[prompt] {
		text = strings.ReplaceAll(text, "'"+node+"'", "'"+first+"'")
	}
	return text
}

// sameNodes compares what was heard of each node, and that nodes ran after
// those they need.
func (p *play) sameNodes(name, prompt string, want, got []line) {
	p.Helper()
	w, g := p.byNode(prompt, want), p.byNode(prompt, got)
	for _, node := range slices.Sorted(maps.Keys(w)) {
		p.sameLines(name+", "+prompt+", node "+node, w[node], g[node])
	}
	for node := range g {
		if w[node] == nil {
			p.Errorf("%s, %s: heard of node %s: %s", name, prompt, node, g[node][0].text)
		}
	}
	started := map[string]int{}
	for i, l := range got {
		if strings.HasPrefix(l.text, "executing ") && l.node != "" {
			started[l.node] = i
		}
	}
	for _, m := range p.graphs[prompt].Members() {
		for _, in := range m.Value.Get("inputs").Members() {
			if in.Value.Kind != pyjson.Array || in.Value.Len() != 2 {
				continue
			}
			source, ok := started[in.Value.Index(0).Text()]
			if node, ran := started[m.Key]; ok && ran && source > node {
				p.Errorf("%s, %s: node %s ran before %s, which it needs", name, prompt, m.Key, in.Value.Index(0).Text())
			}
		}
	}
}
