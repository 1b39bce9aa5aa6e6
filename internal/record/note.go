// Package record is what is kept and shown of a job, in ComfyUI's shape: the
// durable events, what a node's files are called and how its output reads, the
// result that they fold into; and the Reader by which clients see it, while a job
// runs too. It decides nothing.
package record

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/settee/settee"
)

// Note is a durable event: start, cached, executed or the ending of an attempt.
type Note struct {
	Seq   int // within the job, ascending
	Event settee.Event
	Meta  json.RawMessage // of executed: history's meta entry
}

// Fold makes what clients read of a job out of its durable events, in their
// order: outputs and meta by node in the order of execution, and history's
// messages (all events but executed).
func Fold(notes []Note) settee.Result {
	var outputs, meta nodes
	messages := []json.RawMessage{}
	for _, n := range notes {
		if n.Event.Type != settee.EventExecuted {
			messages = append(messages, array([]json.RawMessage{text(n.Event.Type), n.Event.Data}))
			continue
		}
		var x struct {
			Node   string          `json:"node"`
			Output json.RawMessage `json:"output"`
		}
		if json.Unmarshal(n.Event.Data, &x) != nil || len(x.Output) == 0 || string(x.Output) == "null" {
			continue // a cached node without ui leaves no trace in history
		}
		outputs.set(x.Node, x.Output)
		meta.set(x.Node, n.Meta)
	}
	return settee.Result{Outputs: object(outputs...), Meta: object(meta...), Messages: array(messages)}
}

// Stamp adds a timestamp in milliseconds to an event's data, unless it has one.
func Stamp(data json.RawMessage, now time.Time) json.RawMessage {
	var has struct {
		Timestamp json.RawMessage `json:"timestamp"`
	}
	data = bytes.TrimSpace(data)
	if json.Unmarshal(data, &has) != nil || has.Timestamp != nil {
		return data
	}
	body := bytes.TrimSpace(bytes.TrimSuffix(data, []byte{'}'}))
	out := append([]byte(nil), body...)
	if !bytes.HasSuffix(body, []byte{'{'}) {
		out = append(out, ',')
	}
	out = append(out, `"timestamp":`...)
	out = strconv.AppendInt(out, now.UnixMilli(), 10)
	return append(out, '}')
}
