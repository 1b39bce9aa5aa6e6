package comfyui

import (
	"errors"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// entry is what /history knows of a prompt that has ended (protocol note 1.3).
// Its status_str is not read: it can lie. The messages tell.
type entry struct {
	start  pyjson.Value // data of execution_start; Absent when it is missing
	cached pyjson.Value // data of execution_cached
	ending pyjson.Value // data of the ending
	kind   string       // type of the ending; "" when no message tells

	outputs []pyjson.Member
	meta    pyjson.Value
}

func readEntry(v pyjson.Value) (*entry, error) {
	f := v.Fields("outputs", "status", "meta")
	if f[0].Kind != pyjson.Object {
		return nil, errors.New("a history entry without outputs")
	}
	e := &entry{outputs: f[0].Members(), meta: f[2]}
	for m := range f[1].Get("messages").Items() {
		kind, data := m.Index(0).Text(), m.Index(1)
		switch kind {
		case settee.EventStart:
			e.start = data
		case settee.EventCached:
			e.cached = data
		case settee.EventError, settee.EventInterrupted, settee.EventSuccess:
			if e.kind != settee.EventError { // an error is never overruled
				e.kind, e.ending = kind, data
			}
		}
	}
	return e, nil
}
