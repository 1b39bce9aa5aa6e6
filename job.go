package settee

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// JobState is one of the five words a client reads. Pending and InProgress are
// passed through; a job reaches exactly one of the other three and keeps it.
type JobState string

// The states of a job, in the words of the Cloud API overview.
const (
	Pending    JobState = "pending"
	InProgress JobState = "in_progress"
	Completed  JobState = "completed"
	Failed     JobState = "failed"
	Cancelled  JobState = "cancelled"
)

// Terminal reports whether a job in this state has ended.
func (s JobState) Terminal() bool { return s == Completed || s == Failed || s == Cancelled }

// Reason says why a job did not complete, or why an attempt ended early.
type Reason string

// Reasons. ReasonNone goes with success; ReasonError is the workflow's own
// fault and is never retried.
const (
	ReasonNone    Reason = ""
	ReasonError   Reason = "error"                // a node raised
	ReasonUser    Reason = "cancelled"            // the user asked
	ReasonTimeout Reason = "timeout"              // longer than the tier's runtime cap
	ReasonLost    Reason = "lost"                 // the attempts' workers went away, up to the cap
	ReasonCredits Reason = "insufficient_credits" // a hold could not be extended
	ReasonDrained Reason = "drained"              // handed back by a worker that shuts down; not counted
	ReasonRevoked Reason = "revoked"              // taken back before it started, for another account or worker; not counted
)

// Number is a job's place in its account's queue: lower runs first. ComfyUI
// answers an integer for its own counter and a float for a number the client
// gave, so the two are told apart here and in the database.
type Number struct {
	Value float64
	Given bool // the client chose it: shown as a float
}

// MarshalJSON writes 4 for a counter and 7.5 or 4.0 for a given number.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Given {
		return strconv.AppendInt(nil, int64(n.Value), 10), nil
	}
	s := strconv.FormatFloat(n.Value, 'g', -1, 64)
	if !strings.ContainsAny(s, ".eEn") {
		s += ".0"
	}
	return []byte(s), nil
}

// Job is one submitted workflow and how far it has come. Zero times have not
// happened yet. ID is ours; PromptID is the only id a client sees.
type Job struct {
	ID              string
	AccountID       string
	PromptID        string
	ClientID        string // the socket session that posted it; empty when none
	WorkflowID      string // extra_data.extra_pnginfo.workflow.id, or the request's workflow_id
	State           JobState
	Reason          Reason
	Number          Number
	Lane            string
	Attempt         int // the newest attempt's number, 0 before the first claim
	CancelRequested bool
	CreatedAt       time.Time
	StartedAt       time.Time
	EndedAt         time.Time
	UpdatedAt       time.Time
	OutputsCount    int             // output entries with a file or text
	PreviewOutput   json.RawMessage // the entry the lists show, with nodeId and mediaType; nil when none
	Error           json.RawMessage // data of execution_error; nil when the job did not fail
}

// Graph is what was submitted, byte for byte, and what validation made of it.
type Graph struct {
	Prompt    json.RawMessage // the API-format graph as the client sent it
	Edits     []Edit          // in ascending order, not overlapping
	ExtraData json.RawMessage // as sent, secrets taken out; an object
	Outputs   []string        // ids of the output nodes to run, in the order they are tried
	Inputs    []JobInput      // the files pinned at submit
}

// Edit replaces the bytes [Start, End) of a submitted graph. A conversion
// (Hidden false) is part of what clients read back, as ComfyUI shows coerced
// literals; a hidden edit (a pin, a salt) is seen by the engine alone.
type Edit struct {
	Start  int    `json:"start"`
	End    int    `json:"end"`
	Text   string `json:"text"`
	Hidden bool   `json:"hidden,omitempty"`
}

// JobInput pins one file reference of a graph to the bytes it named when the
// job was submitted.
type JobInput struct {
	Node      string `json:"node"`      // node id
	Input     string `json:"input"`     // input name
	Reference string `json:"reference"` // the value in the graph, e.g. "dir/cat.png [output]"
	Hash      string `json:"hash"`      // blake3, 64 hex digits
	Size      int64  `json:"size"`
}

// Result is what an ended job leaves to read, in the client's terms. All four
// are JSON: outputs and meta are objects by node id, messages is history's list
// of [type, data] pairs.
type Result struct {
	Outputs  json.RawMessage
	Meta     json.RawMessage
	Messages json.RawMessage
}
