// Package queue decides which job runs where and when, and that each ends once.
//
// Submit, claim, report, execute, finish, cancel and reap are each one atomic
// unit of the Store; nothing leaves (an answer, a lease, a durable frame)
// before its unit is committed. The database is the truth; the bus only wakes.
package queue

import (
	"encoding/json"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// Submission is a validated job on its way in.
type Submission struct {
	AccountID  string
	PromptID   string // the client's; empty: the job's own id
	Replace    bool   // an ended job of the same PromptID is replaced (open mode)
	ClientID   string
	WorkflowID string
	Number     *float64 // the client's; nil: the account's counter
	Front      bool     // with Number nil: minus the counter
	Lane       Lane
	Graph      settee.Graph
	Secrets    json.RawMessage // partner keys, already encrypted; gone when the job ends
}

// Lane is the set of jobs that the same pools can run: its name is the sorted
// names of those pools joined by "+".
type Lane string

// Session is a worker that is alive: its lease covers every attempt it holds.
type Session struct {
	ID       string
	WorkerID string
	Pool     string
	Boot     string // of the embedded server, empty for remote workers
	Depth    int
}

// Attempt names one try at a job; every write on its behalf is fenced by it.
type Attempt struct {
	JobID     string `json:"job_id"`
	N         int    `json:"n"`
	SessionID string `json:"session_id"`
}

// Lease is a claimed job with all an engine needs.
type Lease struct {
	Attempt   Attempt         `json:"attempt"`
	AccountID string          `json:"account_id"`
	PromptID  string          `json:"prompt_id"`
	ClientID  string          `json:"client_id"`
	Graph     settee.Graph    `json:"graph"`
	Secrets   json.RawMessage `json:"secrets,omitempty"`
	Deadline  time.Time       `json:"deadline"` // the runtime cap; zero: none
}

// Ending is how an attempt ended. State Pending hands the job back.
type Ending struct {
	State  settee.JobState `json:"state"`
	Reason settee.Reason   `json:"reason"`
	Event  settee.Event    `json:"event"` // the terminal frame, without timestamp
}

// Order is what a worker must stop: the user asked, the lease went, or the
// job's time is up.
type Order struct {
	Attempt Attempt       `json:"attempt"`
	Reason  settee.Reason `json:"reason"`
}

// Counts of an account's queue.
type Counts struct{ Pending, Running int }

// Remaining is ComfyUI's queue_remaining.
func (c Counts) Remaining() int { return c.Pending + c.Running }

// Executed is a node's output with its names and the durable event it became.
type Executed struct {
	Output json.RawMessage // the object, or null
	Seq    int
}

// ExecutedInput is what the unit behind Execute takes.
type ExecutedInput = engine.Executed
