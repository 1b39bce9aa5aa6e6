package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Submission is a workflow to run.
type Submission struct {
	Prompt     json.RawMessage // the graph in API format; its bytes are sent as they are
	ExtraData  json.RawMessage // an object, or nil
	PromptID   string          // the job's id, a UUID; empty: the server's choice
	ClientID   string          // the socket session that the job belongs to, see Listen
	WorkflowID string
	Number     *float64 // place in the queue, lower first; nil: at the end
	Front      bool     // before all that wait
	Targets    []string // output nodes to run; nil: all
}

// Receipt says that a job is queued, durably.
type Receipt struct {
	PromptID   string          `json:"prompt_id"`
	Number     json.Number     `json:"number"`
	NodeErrors json.RawMessage `json:"node_errors"` // of the outputs that are left out; {} when none
}

// Submit queues a workflow. A workflow that is refused is an *Error of status
// 400 with NodeErrors. (operationId executePrompt)
func (c *Client) Submit(ctx context.Context, s Submission) (Receipt, error) {
	body, err := s.body()
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = c.call(ctx, http.MethodPost, "/api/prompt", nil, body, &receipt)
	return receipt, err
}

// body is the request, with Prompt and ExtraData byte for byte: encoding/json
// would compact them, escape < > & in them and refuse NaN.
func (s Submission) body() ([]byte, error) {
	rest, err := json.Marshal(struct {
		PromptID   string   `json:"prompt_id,omitempty"`
		ClientID   string   `json:"client_id,omitempty"`
		WorkflowID string   `json:"workflow_id,omitempty"`
		Number     *float64 `json:"number,omitempty"`
		Front      bool     `json:"front,omitempty"`
		Targets    []string `json:"partial_execution_targets,omitzero"`
	}{s.PromptID, s.ClientID, s.WorkflowID, s.Number, s.Front, s.Targets})
	if err != nil {
		return nil, err
	}
	body := append([]byte(`{"prompt":`), s.Prompt...)
	if len(s.ExtraData) > 0 {
		body = append(append(body, `,"extra_data":`...), s.ExtraData...)
	}
	if len(rest) > 2 {
		body = append(append(body, ','), rest[1:len(rest)-1]...)
	}
	return append(body, '}'), nil
}
