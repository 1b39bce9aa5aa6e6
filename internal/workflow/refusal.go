package workflow

import (
	"encoding/json"
	"fmt"
)

// Types of refusals: those of ComfyUI (protocol note 3.2), and InvalidRequest
// for bodies that ComfyUI answers with a bare 500 or dies of.
const (
	NoPrompt        = "no_prompt"
	InvalidPrompt   = "invalid_prompt"
	InvalidPromptID = "invalid_prompt_id"
	NoOutputs       = "prompt_no_outputs"
	OutputsFailed   = "prompt_outputs_failed_validation"
	InvalidRequest  = "invalid_request"
)

// Refusal is the "error" object of ComfyUI's answer 400 to POST /prompt.
type Refusal struct {
	Type      string          `json:"type"`
	Message   string          `json:"message"`
	Details   string          `json:"details"`
	ExtraInfo json.RawMessage `json:"extra_info"`
}

func (r *Refusal) Error() string {
	if r.Details == "" || r.Details == r.Message {
		return r.Message
	}
	return r.Message + " (" + r.Details + ")"
}

func refusal(kind, message, details string) *Refusal {
	return &Refusal{Type: kind, Message: message, Details: details, ExtraInfo: json.RawMessage("{}")}
}

// refuseNode is a refusal of the whole graph because of one node.
func refuseNode(id, message string) *Refusal {
	return refusal(InvalidPrompt, message, fmt.Sprintf("Node ID '#%s'", id))
}
