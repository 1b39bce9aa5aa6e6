package admission

import (
	"encoding/json"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// Redacted stands wherever a partner key was.
const Redacted = "[REDACTED]"

// partnerKeys are the members of extra_data that are secrets.
var partnerKeys = []string{"auth_token_comfy_org", "api_key_comfy_org"}

// extra is extra_data on its way in.
type extra struct {
	shown   json.RawMessage // with the secrets redacted and the client id added
	secrets json.RawMessage // an object with the secrets; nil when there are none
}

// readExtra takes the secrets out of extra_data and adds client_id, as ComfyUI
// does; every other byte stays.
func readExtra(raw json.RawMessage, clientID string) (extra, error) {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	root, err := pyjson.Parse(raw)
	if err != nil || root.Kind != pyjson.Object {
		return extra{}, settee.Faultf(settee.CodeInvalid, "extra_data must be an object")
	}
	var (
		x       extra
		edits   []settee.Edit
		secrets = map[string]json.RawMessage{}
		hasID   bool
		between string // before one more member
	)
	for key, value := range root.Pairs() { // of a key that comes twice the last counts, and each is secret
		between = ", "
		switch {
		case key == "client_id":
			hasID = true
			if clientID != "" {
				edits = append(edits, replace(value, clientID))
			}
		case slices.Contains(partnerKeys, key):
			delete(secrets, key)
			if value.Kind != pyjson.Null {
				secrets[key] = json.RawMessage(value.Raw())
				edits = append(edits, replace(value, Redacted))
			}
		}
	}
	if clientID != "" && !hasID {
		text := between + `"client_id": ` + string(pyjson.QuoteUTF8(clientID))
		edits = append(edits, settee.Edit{Start: root.End - 1, End: root.End - 1, Text: text})
	}
	slices.SortFunc(edits, func(a, b settee.Edit) int { return a.Start - b.Start })
	x.shown = workflow.Apply(raw, edits, false)
	if len(secrets) > 0 {
		if x.secrets, err = json.Marshal(secrets); err != nil {
			return extra{}, settee.Faultf(settee.CodeInvalid, "a partner key in extra_data must be text")
		}
	}
	return x, nil
}

func replace(v pyjson.Value, text string) settee.Edit {
	return settee.Edit{Start: v.Start, End: v.End, Text: string(pyjson.QuoteUTF8(text))}
}
