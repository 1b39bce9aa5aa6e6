package v1

import (
	"encoding/json"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/workflow"
)

// strict is text that a client or an engine wrote, as JSON that every client can
// read: the same bytes, unless they hold Python's NaN or Infinity, which become
// null. Text that is missing is null.
func strict(text json.RawMessage) json.RawMessage {
	if json.Valid(text) {
		return text
	}
	if v, err := pyjson.Parse(text); err == nil {
		return pyjson.Strict(v)
	}
	return json.RawMessage("null")
}

// object is strict with {} for text that is missing.
func object(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return json.RawMessage("{}")
	}
	return strict(text)
}

// array is strict with [] for text that is missing.
func array(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return json.RawMessage("[]")
	}
	return strict(text)
}

// graph is a job's graph as clients read it back: the bytes that were submitted,
// with the literals that validation converted.
func graph(d *record.Detail) json.RawMessage {
	return strict(workflow.Apply(d.Prompt, d.Edits, false))
}

// outputIDs are the output nodes a job runs.
func outputIDs(d *record.Detail) []string {
	if d.Graph.Outputs == nil {
		return []string{}
	}
	return d.Graph.Outputs
}
