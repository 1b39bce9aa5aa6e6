package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/settee/settee/internal/pyjson"
)

// Types of an input's errors (protocol note 3.3).
const (
	InputMissing     = "required_input_missing"
	BadLink          = "bad_linked_input"
	TypeMismatch     = "return_type_mismatch"
	InnerException   = "exception_during_inner_validation"
	OuterException   = "exception_during_validation"
	NotConvertible   = "invalid_input_type"
	TooSmall         = "value_smaller_than_min"
	TooBig           = "value_bigger_than_max"
	NotInList        = "value_not_in_list"
	ValidationFailed = "custom_validation_failed"
)

// NodeErrors is what is wrong with a graph's nodes, in the order it was found.
// It marshals to ComfyUI's node_errors object. What a client sent is shown in
// it as it was, but NaN and Infinity become null: ComfyUI writes them as they
// are, and then no browser can read the answer.
type NodeErrors []NodeError

// NodeError is one node with errors of its own. Outputs are the output nodes
// that were refused when it was known (ComfyUI's dependent_outputs, which may
// name some that do not depend on it).
type NodeError struct {
	Node    string       `json:"-"`
	Errors  []InputError `json:"errors"`
	Outputs []string     `json:"dependent_outputs"`
	Class   string       `json:"class_type"`
}

// InputError is one thing that is wrong.
type InputError struct {
	Type      string          `json:"type"`
	Message   string          `json:"message"`
	Details   string          `json:"details"`
	ExtraInfo json.RawMessage `json:"extra_info"`
}

// MarshalJSON writes {"4":{"errors":[…],"dependent_outputs":[…],"class_type":…}}.
func (e NodeErrors) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, n := range e {
		if i > 0 {
			out.WriteByte(',')
		}
		body, err := json.Marshal(n)
		if err != nil {
			return nil, err
		}
		out.Write(pyjson.Quote(n.Node))
		out.WriteByte(':')
		out.Write(body)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// ParseNodeErrors reads a node_errors object as a server sent it, ComfyUI's own
// (with NaN in it) too.
func ParseNodeErrors(raw []byte) (NodeErrors, error) {
	root, err := pyjson.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("node_errors: %w", err)
	}
	if root.Kind != pyjson.Object {
		return nil, fmt.Errorf("node_errors is no object")
	}
	var all NodeErrors
	for _, m := range root.Members() {
		n := NodeError{Node: m.Key}
		if err := json.Unmarshal(pyjson.Strict(m.Value), &n); err != nil {
			return nil, fmt.Errorf("node_errors of node %s: %w", m.Key, err)
		}
		all = append(all, n)
	}
	return all, nil
}
