package comfyui

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// frame passes one message of the socket on, if it is of this prompt. What
// cannot be read is left out.
func (r *run) frame(ctx context.Context, m message) error {
	if m.binary {
		return r.binary(ctx, m.data)
	}
	root, err := pyjson.Parse(m.data)
	if err != nil {
		return nil //nolint:nilerr // the truth is elsewhere
	}
	f := root.Fields("type", "data")
	kind, data := f[0].Text(), f[1]
	id := data.Get("prompt_id")
	switch kind {
	case "", "logs", "feature_flags", settee.EventStatus:
		return nil
	case settee.EventExecuting:
		if id.Kind == pyjson.Absent { // the greeting of a socket that came back (protocol note 2.1)
			return r.greeted(ctx, data)
		}
	}
	if id.Text() != r.id {
		if id.Kind == pyjson.Absent && r.own(data) {
			return r.event(ctx, kind, data)
		}
		return nil // somebody else's
	}
	r.heard = r.e.opt.Now()
	if kind == settee.EventStart {
		return r.begin(ctx, data)
	}
	if err := r.begin(ctx, pyjson.Value{}); err != nil { // its frame was lost
		return err
	}
	switch kind {
	case settee.EventCached:
		return r.tellCached(ctx, data)
	case settee.EventExecuting:
		return r.executing(ctx, data)
	case settee.EventExecuted:
		return r.executed(ctx, data)
	case settee.EventProgress:
		if n := data.Get("node").Text(); n != "" {
			r.current = n
		}
	case settee.EventState:
		r.kin(data)
	case settee.EventSuccess:
		r.success = true
		if r.kind == "" {
			r.kind = kind
		}
		return nil
	case settee.EventInterrupted:
		r.kind, r.ending = kind, data
		return nil
	case settee.EventError:
		if isBlocked(data) { // the run goes on (protocol note 2.5)
			return r.out.Event(ctx, settee.Event{Type: kind, Data: r.failure(data)})
		}
		r.kind, r.ending = kind, data
		return nil
	}
	return r.event(ctx, kind, data)
}

// own reports whether an event without a prompt id is about this run: ComfyUI
// runs one prompt at a time, and the event names a node of ours.
func (r *run) own(data pyjson.Value) bool {
	if !r.began || r.ended {
		return false
	}
	for _, key := range []string{"node", "node_id", "display_node"} {
		if _, ok := r.graph.realNode(data.Get(key).Text()); ok {
			return true
		}
	}
	return false
}

func (r *run) event(ctx context.Context, kind string, data pyjson.Value) error {
	return r.out.Event(ctx, settee.Event{Type: kind, Data: r.terms.json(data)})
}

// begin sends execution_start, once.
func (r *run) begin(ctx context.Context, data pyjson.Value) error {
	if r.began {
		return nil
	}
	r.began = true
	if data.Kind != pyjson.Object {
		return r.out.Event(ctx, settee.Event{Type: settee.EventStart, Data: []byte(`{"prompt_id": "` + string(r.terms.promptID) + `"}`)})
	}
	return r.event(ctx, settee.EventStart, data)
}

func (r *run) tellCached(ctx context.Context, data pyjson.Value) error {
	if r.told {
		return nil
	}
	r.told = true
	for n := range data.Get("nodes").Items() {
		r.cached[n.Text()] = true
	}
	r.plain.Store(len(r.cached) == 0)
	return r.event(ctx, settee.EventCached, data)
}

func (r *run) executing(ctx context.Context, data pyjson.Value) error {
	n := data.Get("node")
	if n.Kind == pyjson.Null {
		r.ended = true // the caller sends it, once the ending is committed
		r.left()
		return nil
	}
	r.current = n.Text()
	r.ran[r.current] = true
	return r.event(ctx, settee.EventExecuting, data)
}

func (r *run) greeted(ctx context.Context, data pyjson.Value) error {
	n := data.Get("node").Text()
	if n == "" || n == r.current || !r.own(data) {
		return nil
	}
	r.current, r.heard = n, r.e.opt.Now()
	q := string(pyjson.Quote(n))
	return r.out.Event(ctx, settee.Event{Type: settee.EventExecuting,
		Data: []byte(`{"node": ` + q + `, "display_node": ` + q + `, "prompt_id": "` + string(r.terms.promptID) + `"}`)})
}

func (r *run) executed(ctx context.Context, data pyjson.Value) error {
	f := data.Fields("node", "display_node", "output")
	n := node{id: f[0].Text(), display: f[1].Text(), output: f[2]}
	kin := r.families[n.id]
	n.parent, n.real = kin.parent, kin.real
	if n.real == "" {
		n.real = n.id
		if real, ok := r.graph.realNode(n.id); ok {
			n.real = real
		}
	}
	if n.display == "" {
		n.display = n.id
	}
	n.fresh = r.ran[n.id]
	return r.deliver(ctx, n)
}

func (r *run) kin(data pyjson.Value) {
	for _, m := range data.Get("nodes").Members() {
		if _, ok := r.families[m.Key]; ok {
			continue
		}
		f := m.Value.Fields("display_node_id", "parent_node_id", "real_node_id")
		r.families[m.Key] = family{f[0].Text(), f[1].Text(), f[2].Text()}
	}
}

// isCached reports whether ComfyUI said that a node's result was there before.
func (r *run) isCached(n node) bool { return r.cached[n.id] || n.real != "" && r.cached[n.real] }

// isOutput reports whether a node of the graph was asked for, or runs for its
// own sake.
func (r *run) isOutput(n node) bool {
	for _, o := range r.job.Outputs {
		if o == n.id {
			return true
		}
	}
	i, ok := r.graph.index[n.id]
	return ok && r.known.get(r.graph.nodes[i].class).output
}

// salted reports whether a node's cached result can only be this account's.
func (r *run) salted(n node) bool { return r.isOutput(n) }

// binary passes on a picture or a text (protocol note 2.4).
func (r *run) binary(ctx context.Context, frame []byte) error {
	if len(frame) < 8 || !r.began || r.ended {
		return nil
	}
	n := int(binary.BigEndian.Uint32(frame[4:]))
	switch binary.BigEndian.Uint32(frame) {
	case 1: // of the newest node: nothing in it says so
		if r.current == "" {
			return nil
		}
		return r.preview(ctx, r.current, frame, true)
	case 3:
		if n > len(frame)-8 {
			return nil
		}
		id := string(frame[8 : 8+n])
		if _, ok := r.graph.realNode(id); !ok {
			return nil
		}
		r.heard = r.e.opt.Now()
		text := r.terms.text(string(frame[8+n:]))
		return r.preview(ctx, id, append(frame[:8+n:8+n], text...), false)
	case 4:
		if n > len(frame)-8 {
			return nil
		}
		meta, err := pyjson.Parse(frame[8 : 8+n])
		if err != nil || meta.Get("prompt_id").Text() != r.id {
			return nil //nolint:nilerr // somebody else's
		}
		r.heard = r.e.opt.Now()
		said := r.terms.json(meta)
		out := binary.BigEndian.AppendUint32(make([]byte, 0, len(frame)+len(said)), 4)
		out = binary.BigEndian.AppendUint32(out, uint32(len(said)))
		out = append(append(out, said...), frame[8+n:]...)
		return r.preview(ctx, meta.Get("node_id").Text(), out, true)
	}
	return nil
}

func (r *run) preview(ctx context.Context, node string, frame []byte, picture bool) error {
	wanted := false
	if real, ok := r.graph.realNode(node); ok && picture {
		wanted = r.known.get(r.graph.nodes[r.graph.index[real]].class).images
	}
	return r.out.Preview(ctx, node, bytes.Clone(frame), wanted)
}
