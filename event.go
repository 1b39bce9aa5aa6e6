package settee

import "encoding/json"

// Event types, named as on ComfyUI's WebSocket (protocol note 2.3).
const (
	EventStatus      = "status"
	EventStart       = "execution_start"
	EventCached      = "execution_cached"
	EventExecuting   = "executing"
	EventProgress    = "progress"
	EventState       = "progress_state"
	EventExecuted    = "executed"
	EventSuccess     = "execution_success"
	EventError       = "execution_error"
	EventInterrupted = "execution_interrupted"
)

// Event is one message about a job: ComfyUI's type and its data object, with
// prompt ids and file names in the client's terms.
type Event struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Durable reports whether events of this type are written down: history, late
// sockets, SSE resume and webhooks read them from the database. The others
// (executing, progress, previews) are worth only the moment.
func (e Event) Durable() bool {
	switch e.Type {
	case EventStart, EventCached, EventExecuted, EventSuccess, EventError, EventInterrupted:
		return true
	}
	return false
}

// Frame is an event or a binary message on its way to an account's listeners.
type Frame struct {
	AccountID string          `json:"account_id"`
	JobID     string          `json:"job_id,omitempty"` // empty for status
	PromptID  string          `json:"prompt_id,omitempty"`
	ClientID  string          `json:"client_id,omitempty"` // who posted the job
	Type      string          `json:"type"`                // an event type; empty for a binary frame
	Data      json.RawMessage `json:"data,omitempty"`
	Binary    []byte          `json:"binary,omitempty"` // a whole ComfyUI binary frame (protocol note 2.4)
	Node      string          `json:"node,omitempty"`   // the node a binary frame came from
	Wanted    bool            `json:"wanted,omitempty"` // a binary frame that the job asked for, or whose node exists to send images
	Attempt   int             `json:"attempt,omitempty"`
	Seq       int             `json:"seq,omitempty"`   // of a durable event within its job, from 1
	Ended     bool            `json:"ended,omitempty"` // this frame is the job's ending
}
