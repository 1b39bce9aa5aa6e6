package native

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
)

// troubled is an error of the engine's surroundings: the sink's, not the
// workflow's.
type troubled struct{ err error }

func (t *troubled) Error() string { return t.err.Error() }
func (t *troubled) Unwrap() error { return t.err }

// failed turns a node's error into the run's: an interruption, trouble around
// the engine, or a Failure with execution_error's data (protocol note 4.5).
func (r *run) failed(v *vertex, c *call, err error) error {
	if r.stopped(err) {
		return &engine.Interrupted{Event: interrupted(r.job.PromptID, v.id, v.kind, r.ran)}
	}
	if t, ok := errors.AsType[*troubled](err); ok {
		return t.err
	}
	kind, text, tips := raised(err)
	return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: r.data(
		"node_id", v.id, "node_type", v.kind, "executed", ids(r.ran),
		"exception_message", text+"\n"+tips, "exception_type", kind, "traceback", []string{},
		"current_inputs", c.shown(), "current_outputs", r.all())}}
}

func interrupted(promptID, id, class string, ran []string) settee.Event {
	return settee.Event{Type: settee.EventInterrupted, Data: data(promptID,
		"node_id", id, "node_type", class, "executed", ids(ran))}
}

// cycle is the failure of a graph that goes round.
func (r *run) cycle() error {
	p := r.todo.order.Front().Value.(*pending)
	return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: r.data(
		"node_id", p.vertex.id, "node_type", p.vertex.kind, "executed", ids(r.ran),
		"exception_message", "Dependency cycle detected", "exception_type", "graph.DependencyCycleError", "traceback", []string{},
		"current_inputs", []string{}, "current_outputs", []string{})}}
}

// blocked tells of a blocker with a message; the run goes on.
func (r *run) blocked(v *vertex, b *node.Blocker) error {
	if b.Message == "" {
		return nil
	}
	err := r.event(settee.EventError,
		"node_id", v.id, "node_type", v.kind, "executed", ids(r.ran),
		"exception_message", "Execution Blocked: "+b.Message, "exception_type", "ExecutionBlocked", "traceback", []string{},
		"current_inputs", []string{}, "current_outputs", []string{})
	if err != nil {
		return &troubled{err}
	}
	return nil
}

// ids is never null in JSON.
func ids(some []string) []string {
	if some == nil {
		return []string{}
	}
	return some
}

// all are the ids of the graph.
func (r *run) all() []string {
	all := make([]string, len(r.graph.nodes))
	for i, v := range r.graph.nodes {
		all[i] = v.id
	}
	return all
}

// longest is how much of an input's text an error repeats, in bytes.
const longest = 32 << 10

// shown is current_inputs: what the failed node was given, and of its hidden
// inputs those that hold no secret.
func (c *call) shown() json.RawMessage {
	if c == nil {
		return json.RawMessage("{}")
	}
	b := []byte{'{'}
	add := func(name string, list []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, quoted(name)...), ':'), list...)
	}
	for _, name := range c.names {
		add(name, shownList(c.in[name]))
	}
	if c.v.class == nil {
		return append(b, '}')
	}
	for _, h := range c.v.class.Hidden {
		switch h.Type {
		case "PROMPT":
			add(h.Name, shownList([]node.Value{shownJSON(c.run.job.Prompt)}))
		case "EXTRA_PNGINFO":
			add(h.Name, shownList([]node.Value{shownJSON(c.run.pngInfo().Raw())}))
		case "UNIQUE_ID":
			add(h.Name, shownList([]node.Value{c.v.id}))
		}
	}
	return append(b, '}')
}

// shownJSON is Python's text of a JSON value; nil of one that is not there.
func shownJSON(raw []byte) node.Value {
	v, err := pyjson.Parse(raw)
	if err != nil || v.Kind == pyjson.Null {
		return nil
	}
	return pyjson.Repr(v)
}

func shownList(list []node.Value) []byte {
	b := []byte{'['}
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, shownValue(v)...)
	}
	return append(b, ']')
}

// shownValue is a value in current_inputs: what JSON has as it is, all else as
// Python's text.
func shownValue(v node.Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		if v {
			return "true"
		}
		return "false"
	case int64:
		return big.NewInt(v).String()
	case *big.Int:
		return v.String()
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return quoted(pyjson.FloatRepr(v))
		}
		return pyjson.FloatRepr(v)
	case string:
		return quoted(short(v))
	}
	return quoted(short(node.Str(v)))
}

func short(s string) string {
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}
