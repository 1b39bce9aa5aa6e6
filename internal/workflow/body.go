package workflow

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/settee/settee/internal/pyjson"
)

// Request is the body of POST /prompt.
type Request struct {
	Prompt     json.RawMessage // the graph's bytes as they were sent
	PromptID   string          // the client's own; "" when it gave none
	ClientID   string          // the client's socket; "" when it gave none
	Number     *float64        // its place in the queue; nil when it gave none
	Front      bool
	Targets    []string        // partial_execution_targets; nil: all output nodes
	ExtraData  json.RawMessage // an object, as sent; {} when there is none
	WorkflowID string          // workflow_id, else extra_data.extra_pnginfo.workflow.id
}

// maxID is how long an id of the client's may be, in bytes.
const maxID = 256

// ReadRequest reads the body of POST /prompt, of whatever content type, as
// ComfyUI does. The error is a *Refusal: in ComfyUI's words where it has some;
// where it answers a bare 500 or is brought down by what it accepted, in ours.
// The graph itself is for Parse. (operationId executePrompt)
func ReadRequest(body []byte) (*Request, error) {
	root, err := pyjson.Parse(body)
	if err != nil {
		return nil, refusal(InvalidRequest, "The request body cannot be read as JSON.", err.Error())
	}
	f := root.Fields("prompt", "prompt_id", "client_id", "number", "front", "partial_execution_targets", "extra_data", "workflow_id")
	prompt, promptID, client, place, front, wanted, extra, workflowID := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
	switch root.Kind {
	case pyjson.Object:
	case pyjson.Array, pyjson.String:
		return nil, noPrompt()
	default:
		return nil, refusal(InvalidRequest, "The request body must be an object with the workflow under \"prompt\".", "")
	}
	r := &Request{Front: front.Truthy(), ExtraData: json.RawMessage("{}")}
	if r.Number, err = number(place); err != nil {
		return nil, err
	}
	if prompt.Kind == pyjson.Absent {
		return nil, noPrompt()
	}
	r.Prompt = json.RawMessage(prompt.Raw())
	if r.PromptID, err = identifier(promptID, "prompt_id", InvalidPromptID); err != nil {
		return nil, err
	}
	if r.Targets, err = targets(wanted, prompt); err != nil {
		return nil, err
	}
	if err := r.readExtra(extra); err != nil {
		return nil, err
	}
	if client.Kind == pyjson.Absent {
		client = extra.Get("client_id")
	}
	if r.ClientID, err = identifier(client, "client_id", InvalidRequest); err != nil {
		return nil, err
	}
	if r.WorkflowID, err = identifier(workflowID, "workflow_id", InvalidRequest); err != nil {
		return nil, err
	}
	if id := extra.Get("extra_pnginfo").Get("workflow").Get("id").Text(); r.WorkflowID == "" && storable(id) && len(id) <= maxID {
		r.WorkflowID = id
	}
	return r, nil
}

func noPrompt() *Refusal { return refusal(NoPrompt, "No prompt provided", "No prompt provided") }

// readExtra takes extra_data when nothing in it can bring a worker down.
func (r *Request) readExtra(extra pyjson.Value) error {
	switch extra.Kind {
	case pyjson.Absent:
		return nil
	case pyjson.Object:
	default:
		return refusal(InvalidRequest, "extra_data must be an object.", "")
	}
	if info := extra.Get("extra_pnginfo"); info.Kind > pyjson.Null && info.Kind != pyjson.Object {
		return refusal(InvalidRequest, "extra_data.extra_pnginfo must be an object.", "")
	}
	r.ExtraData = json.RawMessage(extra.Raw())
	return nil
}

// number is Python's float of what was given; null counts as nothing.
func number(v pyjson.Value) (*float64, error) {
	if v.Kind <= pyjson.Null {
		return nil, nil
	}
	f, err := pyjson.ToFloat(v)
	if err != nil {
		return nil, refusal(InvalidRequest, "number must be a number.", err.Error())
	}
	n := f.Float()
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, refusal(InvalidRequest, "number must be a finite number.", pyjson.Str(f))
	}
	return &n, nil
}

// identifier is Python's str of what was given; null counts as nothing.
func identifier(v pyjson.Value, name, kind string) (string, error) {
	switch v.Kind {
	case pyjson.Absent, pyjson.Null:
		return "", nil
	case pyjson.Array, pyjson.Object:
		return "", refusal(kind, name+" must be a string.", "")
	}
	id := pyjson.Str(v)
	switch {
	case len(id) > maxID:
		return "", refusal(kind, name+" is too long.", "")
	case !storable(id):
		return "", refusal(kind, name+" holds characters that are not text.", "")
	}
	return id, nil
}

// targets are the ids that Python's `in` finds in what was given: items of a
// list, keys of an object, parts of a string.
func targets(v, prompt pyjson.Value) ([]string, error) {
	switch v.Kind {
	case pyjson.Absent, pyjson.Null:
		return nil, nil
	case pyjson.Array:
		ids := []string{}
		for item := range v.Items() {
			if item.Kind == pyjson.String {
				ids = append(ids, item.Text())
			}
		}
		return ids, nil
	case pyjson.Object:
		ids := []string{}
		for _, m := range v.Members() {
			ids = append(ids, m.Key)
		}
		return ids, nil
	case pyjson.String:
		ids, text := []string{}, v.Text()
		if len(text) > maxID || prompt.Len() > MaxNodes {
			break
		}
		for _, m := range prompt.Members() {
			if strings.Contains(text, m.Key) {
				ids = append(ids, m.Key)
			}
		}
		return ids, nil
	}
	return nil, refusal(InvalidRequest, "partial_execution_targets must be a list of node ids.", "")
}
