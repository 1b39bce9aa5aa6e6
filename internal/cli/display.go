package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// display shows how a job goes on.
type display interface {
	submitted(r client.Receipt)
	hear(e client.Event)
	close() // before anything else is printed
}

func (p *Program) display(g *workflow.Graph, ndjson bool) display {
	switch {
	case ndjson:
		return events{p}
	case p.Terminal:
		return newBar(p, newTracker(g))
	}
	return &lines{p: p, t: newTracker(g)}
}

// lines shows a job as lines of text, for logs.
type lines struct {
	p    *Program
	t    *tracker
	said time.Time // when steps were shown last
}

func (l *lines) submitted(r client.Receipt) {
	fmt.Fprintf(l.p.Err, "submitted %s\n", line(r.PromptID))
}

func (l *lines) hear(e client.Event) {
	next := l.t.hear(e)
	now := l.p.Now()
	switch {
	case next:
		fmt.Fprintf(l.p.Err, "node %s %q\n", line(l.t.node), line(l.t.graph.Title(l.t.node)))
		l.said = now
	case e.Type == settee.EventCached && l.t.cached > 0:
		fmt.Fprintf(l.p.Err, "%d of %d nodes from cache\n", l.t.cached, len(l.t.graph.Nodes))
	case e.Type == settee.EventProgress && l.t.max > 1 && now.Sub(l.said) >= time.Second:
		fmt.Fprintf(l.p.Err, "node %s %q: %.0f/%.0f\n", line(l.t.node), line(l.t.graph.Title(l.t.node)), l.t.value, l.t.max)
		l.said = now
	}
}

func (l *lines) close() {}

// events shows a job as NDJSON on standard output: the socket's messages about
// it, and between them what the command itself does, in the same shape.
type events struct{ p *Program }

func (v events) submitted(r client.Receipt) { v.p.emit("submitted", r) }

func (v events) hear(e client.Event) {
	if e.Binary == nil {
		v.p.emit(e.Type, e.Data)
	}
}

func (v events) close() {}

// problem is the last event's data when no result can be told: what is wrong,
// and a word for it.
type problem struct {
	Message    string          `json:"message"`
	Code       string          `json:"code"`
	Details    string          `json:"details,omitempty"`
	NodeErrors json.RawMessage `json:"node_errors,omitempty"` // of a workflow that is refused
}

// emitError makes an error the last event, unless the last event told it.
func (p *Program) emitError(err error) {
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*told](err); ok {
		return
	}
	p.emit("error", problem{Message: printable(err.Error()), Code: codeWord(err)})
}

// codeWord is the kind of an error as programs read it: the server's own word,
// or refused, interrupted, unreachable, data_in_use or failed.
func codeWord(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Code != "" {
		return e.Code
	}
	if _, ok := errors.AsType[*Interrupted](err); ok {
		return "interrupted"
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		return "refused"
	}
	if _, ok := errors.AsType[*DataInUse](err); ok {
		return "data_in_use"
	}
	if unreachable(err) {
		return "unreachable"
	}
	return "failed"
}

// emit prints one event.
func (p *Program) emit(kind string, data any) {
	raw, err := json.Marshal(data)
	if err == nil {
		raw, err = json.Marshal(settee.Event{Type: kind, Data: raw})
	}
	if err != nil {
		fmt.Fprintf(p.Err, "settee: %s\n", err)
		return
	}
	fmt.Fprintf(p.Out, "%s\n", raw)
}
