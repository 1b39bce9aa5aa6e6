package replay_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/settee/settee/internal/pyjson"
)

// sameResponse compares the answer to a submit.
func (p *play) sameResponse(i int, a answer) {
	p.Helper()
	prompt := p.c.Prompts[i]
	if a.status != prompt.Status {
		p.Fatalf("prompt %d: got %d %s, recorded %d", i+1, a.status, a.body, prompt.Status)
	}
	got, want := parse(p.T, p.named(a.body)), parse(p.T, p.named(prompt.Response))
	for _, key := range []string{"prompt_id", "error", "node_errors"} {
		if g, w := plain(got.Get(key)), plain(want.Get(key)); g != w {
			p.Errorf("prompt %d: %s\n want %s\n have %s", i+1, key, w, g)
		}
	}
	p.sameNumber(i, want.Get("number"), got.Get("number"))
}

// sameNumber compares a prompt's number. Where the server counts, it counts
// from elsewhere: the first counted prompt of a case says from where.
func (p *play) sameNumber(i int, want, got pyjson.Value) {
	p.Helper()
	w, g := want.Float(), got.Float()
	request := parse(p.T, p.c.Prompts[i].Request)
	if request.Get("number").Kind == pyjson.Absent {
		sign := 1.0
		if request.Get("front").Truthy() {
			sign = -1
		}
		if p.offset == nil {
			offset := sign * (w - g)
			p.offset = &offset
		}
		w -= sign * *p.offset
	}
	if w != g || want.Kind != got.Kind {
		p.Errorf("prompt %d: number %s, recorded %s, %v expected", i+1, pyjson.Repr(got), pyjson.Repr(want), w)
	}
}

// sameItem compares an entry of the queue, which history shows too: number, id,
// graph, extra_data, and the set of outputs.
func (p *play) sameItem(i int, want, got pyjson.Value) {
	p.Helper()
	if want.Len() != got.Len() {
		p.Errorf("prompt %d: %d elements, recorded %d", i+1, got.Len(), want.Len())
		return
	}
	p.sameNumber(i, want.Index(0), got.Index(0))
	for n, name := range []string{"", "id", "graph", "extra_data"} {
		if g, w := pyjson.Dump(got.Index(n)), pyjson.Dump(want.Index(n)); n > 0 && !bytes.Equal(g, w) {
			p.Errorf("prompt %d: %s\n want %s\n have %s", i+1, name, w, g)
		}
	}
	if g, w := set(got.Index(4)), set(want.Index(4)); g != w {
		p.Errorf("prompt %d: outputs %s, recorded %s", i+1, g, w)
	}
}

// sameHistory compares GET /history/{id}.
func (p *play) sameHistory(i int, want, got pyjson.Value) {
	p.Helper()
	if want.Len() != got.Len() {
		p.Errorf("prompt %d: %d entries in history, recorded %d", i+1, got.Len(), want.Len())
		return
	}
	if want.Len() == 0 {
		return
	}
	name := fmt.Sprintf("P%d", i+1)
	w, g := want.Get(name), got.Get(name)
	p.sameItem(i, w.Get("prompt"), g.Get("prompt"))
	if g, w := p.made(name, g.Get("meta")), p.made(name, w.Get("meta")); g != w {
		p.Errorf("prompt %d: meta\n want %s\n have %s", i+1, w, g)
	}
	for _, key := range []string{"outputs", "status"} {
		if g, w := p.free(name, plain(g.Get(key))), p.free(name, plain(w.Get(key))); g != w {
			p.Errorf("prompt %d: %s\n want %s\n have %s", i+1, key, w, g)
		}
	}
	for m := range g.Get("status").Get("messages").Items() {
		if m.Index(1).Get("timestamp").Kind != pyjson.Int {
			p.Errorf("prompt %d: no time in %s", i+1, pyjson.Dump(m))
		}
	}
	if g, w := files(g.Get("outputs")), files(w.Get("outputs")); !slices.Equal(g, w) {
		p.Errorf("prompt %d: files\n want %v\n have %v", i+1, w, g)
	}
}

// made is a prompt's meta. Of twins one ran, whichever, and all name it.
func (p *play) made(prompt string, meta pyjson.Value) string {
	if len(p.several[prompt]) < 2 {
		return plain(meta)
	}
	ran := map[string]string{}
	text := plain(meta)
	for node, first := range p.twins[prompt] {
		for _, id := range []string{node, first} {
			if m := meta.Get(id).Get("node_id"); m.Kind == pyjson.String {
				ran[first] = cmp.Or(ran[first], m.Text())
			}
		}
	}
	for first, node := range ran {
		text = strings.ReplaceAll(text, "'"+node+"'", "'"+first+"'")
	}
	return text
}

// files are the names in outputs, sorted.
func files(outputs pyjson.Value) (all []string) {
	for _, node := range outputs.Members() {
		for _, key := range node.Value.Members() {
			for item := range key.Value.Items() {
				if item.Get("filename").Kind == pyjson.String {
					all = append(all, plain(item))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// sameQueue compares GET /queue; what waits is listed in the order of a heap.
func (p *play) sameQueue(want, got pyjson.Value) {
	p.Helper()
	for _, key := range []string{"queue_running", "queue_pending"} {
		items := func(v pyjson.Value) map[string]pyjson.Value {
			m := map[string]pyjson.Value{}
			for item := range v.Get(key).Items() {
				m[item.Index(1).Text()] = item
			}
			return m
		}
		w, g := items(want), items(got)
		if len(w) != len(g) {
			p.Errorf("%s has %d prompts, recorded %d", key, len(g), len(w))
		}
		for i := range p.c.Prompts {
			name := fmt.Sprintf("P%d", i+1)
			if a, ok := w[name]; ok {
				if b, ok := g[name]; ok {
					p.sameItem(i, a, b)
				} else {
					p.Errorf("%s has no %s", key, name)
				}
			}
		}
	}
}
