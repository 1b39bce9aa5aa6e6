package worker

import (
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/record"
)

// standard is what an engine says, as JSON that any reader takes: an engine may
// speak Python's, whose NaN and Infinity become null.
func standard(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || json.Valid(raw) {
		return raw, nil
	}
	v, err := pyjson.Parse(raw)
	if err != nil {
		return nil, settee.Faultf(settee.CodeInvalid, "The engine said something that is not JSON: %v", err)
	}
	return pyjson.Strict(v), nil
}

// standardOutput is the same for what a node made.
func standardOutput(x engine.Executed) (engine.Executed, error) {
	keys := make([]engine.Key, len(x.Output))
	for k, key := range x.Output {
		entries := make([]engine.Entry, len(key.Entries))
		for i, e := range key.Entries {
			var err error
			if e.JSON, err = standard(e.JSON); err != nil {
				return x, err
			}
			entries[i] = e
		}
		keys[k] = engine.Key{Name: key.Name, Entries: entries}
	}
	x.Output = keys
	return x, nil
}

// refused reports an answer that will be the same however often one asks: what
// the engine says cannot be taken.
func refused(err error) bool {
	code := settee.CodeOf(err)
	return code == settee.CodeInvalid || code == settee.CodeTooLarge
}

// longest is how much of an exception's message a brief ending has, in bytes.
const longest = 4 << 10

// brief is an ending's event without all that may be large, and why.
func brief(e settee.Event, why error) settee.Event {
	v, err := pyjson.Parse(e.Data)
	if err != nil {
		return e // it is ours, or was read before
	}
	f := v.Fields("prompt_id", "node_id", "node_type", "exception_type", "exception_message")
	id, message := f[0].Text(), f[4].Text()
	switch e.Type {
	case settee.EventSuccess:
		return record.Success(id)
	case settee.EventInterrupted:
		return record.Interrupted(id)
	}
	if len(message) > longest {
		message = message[:longest] + "…"
	}
	return record.FailureOf(id, f[1].Text(), f[2].Text(), f[3].Text(), fmt.Sprintf("%s\n(The error is told in brief: %v)", message, why))
}
