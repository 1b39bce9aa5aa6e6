package record

import (
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// CheckExecuted refuses a node's output that could not be shown: anything that
// is not JSON, or further keys that are no object.
func CheckExecuted(x engine.Executed) error {
	for _, k := range x.Output {
		for _, e := range k.Entries {
			if e.JSON == nil {
				continue
			}
			if !json.Valid(e.JSON) || (e.New != nil || e.Old != nil) && members(e.JSON) == nil {
				return settee.Faultf(settee.CodeInvalid, "an entry of %q of node %s is not JSON that can be shown", k.Name, x.Node)
			}
		}
	}
	return nil
}

// Output is a node's ui output as JSON, keys in order. name says what the file
// of key k's entry i is called.
func Output(x engine.Executed, name func(k, i int) settee.File) json.RawMessage {
	if x.Null {
		return json.RawMessage("null")
	}
	var keys nodes
	for k, key := range x.Output {
		entries := []json.RawMessage{}
		for i, e := range key.Entries {
			entry := e.JSON
			if e.New != nil || e.Old != nil {
				entry = file(name(k, i), members(e.JSON))
			}
			entries = append(entries, entry)
		}
		keys = append(keys, field{key.Name, array(entries)})
	}
	return object(keys...)
}
