package comfyuitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee/internal/pyjson"
)

// Play is a prompt while it runs, as a Program sees it.
type Play struct {
	s      *Server
	p      *prompt
	epoch  int
	Number int // of the prompts that started, from 1
	began  time.Time

	state    []string // nodes of progress_state, in their order
	progress map[string][3]string
	output   []pyjson.Member
	meta     map[string]string
	messages []json.RawMessage
	entry    json.RawMessage // of a replay; nil: made of the above
}

// start begins the worker thread of a process.
func (s *Server) start() {
	s.mu.Lock()
	epoch, wake := s.epoch, s.wake
	s.mu.Unlock()
	s.thread.Go(func() { s.work(epoch, wake) })
}

// work runs one prompt after the other (protocol note 4.1).
func (s *Server) work(epoch int, wake chan struct{}) {
	for n := 1; ; {
		s.mu.Lock()
		if s.epoch != epoch {
			s.mu.Unlock()
			return
		}
		p := s.next()
		s.running = p
		program := s.program
		if p != nil {
			s.status()
		}
		s.mu.Unlock()
		if p == nil {
			select {
			case <-wake:
			case <-s.stop:
				return
			}
			continue
		}
		y := &Play{s: s, p: p, epoch: epoch, Number: n, began: time.Now(), progress: map[string][3]string{}, meta: map[string]string{}}
		n++
		program(y)
		y.done()
	}
}

// done writes the history, then tells that the prompt is over.
func (y *Play) done() {
	s := y.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != y.epoch {
		return
	}
	if !s.faults.ForgetHistory {
		s.history[y.p.id] = y.history()
		s.order = append(s.order, y.p.id)
	}
	s.running = nil
	s.status()
	s.send(y.p.clientID, "executing", message{data: []byte(`{"type": "executing", "data": {"node": null, "prompt_id": ` + quote(y.p.id) + `}}`)})
}

func (y *Play) history() json.RawMessage {
	if y.entry != nil {
		return y.entry
	}
	outputs, meta := []byte{'{'}, []byte{'{'}
	for i, m := range y.output {
		if i > 0 {
			outputs, meta = append(outputs, ", "...), append(meta, ", "...)
		}
		outputs = append(append(append(outputs, quote(m.Key)...), ": "...), m.Value.Raw()...)
		meta = append(append(append(meta, quote(m.Key)...), ": "...), y.meta[m.Key]...)
	}
	status, completed := "success", true
	messages := [][]byte{}
	for _, m := range y.messages {
		v, err := pyjson.Parse(m)
		if err != nil {
			panic(err)
		}
		kind := v.Index(0).Text()
		if kind == "execution_error" || kind == "execution_interrupted" {
			status, completed = "error", false
		}
		messages = append(messages, m)
	}
	if y.s.faults.SilentSuccess {
		status, completed, messages = "success", true, nil
	}
	// Written by hand: Python writes NaN where it has one.
	return fmt.Appendf(nil, `{"prompt": %s, "outputs": %s}, "status": {"status_str": "%s", "completed": %t, "messages": [%s]}, "meta": %s}}`,
		y.p.item(), outputs, status, completed, bytes.Join(messages, []byte(", ")), meta)
}

func quote(s string) string { return string(pyjson.Quote(s)) }

// Send sends an event to the prompt's client. data is JSON.
func (y *Play) Send(kind, data string) {
	y.s.mu.Lock()
	defer y.s.mu.Unlock()
	if y.s.epoch != y.epoch {
		return
	}
	if kind == "executing" {
		if v, err := pyjson.Parse([]byte(data)); err == nil {
			y.p.current = v.Get("node").Text()
		}
	}
	y.s.send(y.p.clientID, kind, message{data: []byte(`{"type": "` + kind + `", "data": ` + data + `}`)})
}

// SendBinary sends a binary frame.
func (y *Play) SendBinary(frame []byte) {
	y.s.mu.Lock()
	defer y.s.mu.Unlock()
	if y.s.epoch == y.epoch {
		y.s.send(y.p.clientID, "binary", message{true, frame})
	}
}

// Say sends one of the messages that history keeps, with a time.
func (y *Play) Say(kind, members string) {
	data := fmt.Sprintf(`{"prompt_id": %s%s, "timestamp": %d}`, quote(y.p.id), members, time.Now().UnixMilli())
	y.messages = append(y.messages, json.RawMessage(`["`+kind+`", `+data+`]`))
	y.Send(kind, data)
}

// Show sends a node's executed and keeps its output. output is JSON.
func (y *Play) Show(id, output, madeBy string) {
	if y.newer() {
		mark := `{"id": "` + uuid.NewString() + `", "preview_id": null, "metadata": {"kind": "image"}, "filename"`
		output = strings.ReplaceAll(output, `{"filename"`, mark)
	}
	y.Send("executed", fmt.Sprintf(`{"node": %s, "display_node": %s, "output": %s, "prompt_id": %s}`, quote(id), quote(id), output, quote(y.p.id)))
	y.keep(id, output, madeBy)
}

func (y *Play) newer() bool {
	y.s.mu.Lock()
	defer y.s.mu.Unlock()
	return y.s.faults.Newer
}

// keep puts an output into the history without a frame.
func (y *Play) keep(id, output, madeBy string) {
	if output == "null" {
		return
	}
	y.output = append(y.output, pyjson.Member{Key: id, Value: pyjson.Of(output)})
	y.meta[id] = fmt.Sprintf(`{"node_id": %[1]s, "display_node": %[1]s, "parent_node": null, "real_node_id": %[1]s}`, quote(madeBy))
}

// Progress sends progress_state with one node changed.
func (y *Play) Progress(id, state, value, max string) {
	if _, ok := y.progress[id]; !ok {
		y.state = append(y.state, id)
	}
	y.progress[id] = [3]string{state, value, max}
	out := []byte(`{"prompt_id": ` + quote(y.p.id) + `, "nodes": {`)
	for i, n := range y.state {
		if i > 0 {
			out = append(out, ", "...)
		}
		p := y.progress[n]
		out = fmt.Appendf(out, `%[1]s: {"value": %[2]s, "max": %[3]s, "state": "%[4]s", "node_id": %[1]s, "prompt_id": %[5]s, "display_node_id": %[1]s, "parent_node_id": null, "real_node_id": %[1]s}`,
			quote(n), p[1], p[2], p[0], quote(y.p.id))
	}
	y.Send("progress_state", string(out)+"}}")
}

// Stopped is closed when the prompt is interrupted.
func (y *Play) Stopped() <-chan struct{} { return y.p.stop }

// Interrupted ends the prompt as an interrupt does.
func (y *Play) Interrupted(node, class string) {
	y.Say("execution_interrupted", fmt.Sprintf(`, "node_id": %s, "node_type": %s, "executed": []`, quote(node), quote(class)))
}

// Raise ends the prompt as a node's exception does. inputs is JSON.
func (y *Play) Raise(node, class, kind, text, inputs string) {
	y.Say("execution_error", fmt.Sprintf(`, "node_id": %s, "node_type": %s, "executed": [], "exception_message": %s, "exception_type": %s, "traceback": ["  File \"/opt/ComfyUI/nodes.py\"\n"], "current_inputs": %s, "current_outputs": []`,
		quote(node), quote(class), quote(text), quote(kind), inputs))
}

// ID is the prompt's id.
func (y *Play) ID() string { return y.p.id }

// Graph is the prompt's graph as it was sent.
func (y *Play) Graph() string { return string(y.p.graph) }
