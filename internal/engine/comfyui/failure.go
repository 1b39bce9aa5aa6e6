package comfyui

import (
	"encoding/json"

	"github.com/settee/settee/internal/pyjson"
)

// failure is execution_error's data in the client's terms. ComfyUI shows hidden
// inputs in current_inputs: the graph becomes the one that the client reads
// back, keys and tokens are redacted (protocol note 4.5).
func (r *run) failure(data pyjson.Value) json.RawMessage {
	class := r.known.get(data.Get("node_type").Text())
	out := []byte{'{'}
	for i, m := range data.Members() {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(append(out, pyjson.Quote(m.Key)...), ": "...)
		if m.Key == "current_inputs" && m.Value.Kind == pyjson.Object {
			out = append(out, r.currentInputs(class, m.Value)...)
		} else {
			out = append(out, r.terms.json(m.Value)...)
		}
	}
	return append(out, '}')
}

func (r *run) currentInputs(class class, inputs pyjson.Value) []byte {
	out := []byte{'{'}
	for _, m := range inputs.Members() {
		if m.Key == saltInput {
			continue
		}
		if len(out) > 1 {
			out = append(out, ", "...)
		}
		out = append(append(out, pyjson.Quote(m.Key)...), ": "...)
		switch class.hidden[m.Key] {
		case "PROMPT":
			out = append(append(append(out, '['), pyjson.Quote(r.shownGraph())...), ']')
		case "DYNPROMPT", "AUTH_TOKEN_COMFY_ORG", "API_KEY_COMFY_ORG":
			out = append(out, `["`+redacted+`"]`...)
		default:
			out = append(out, r.terms.json(m.Value)...)
		}
	}
	return append(out, '}')
}

// shownGraph is the graph as Python prints the one that the client reads back.
func (r *run) shownGraph() string {
	v, err := pyjson.Parse(r.job.Prompt)
	if err != nil {
		return redacted
	}
	return pyjson.Repr(v)
}
