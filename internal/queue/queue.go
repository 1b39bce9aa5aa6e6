// Package queue decides which job runs where and when, and that each ends once.
//
// Submit, claim, execute, finish and cancel are each one atomic unit of the
// Store; nothing that they decide leaves (an answer, a lease, executed, an
// ending) before its unit is committed. Each attempt is fenced in the unit that
// writes for it. The database is the truth; the bus only wakes.
//
// Who goes next: the account with the least pass among those with a waiting job
// in a lane the worker serves and fewer running jobs than its tier allows, and
// of its jobs the one with the least number, then the oldest. An account's pass
// grows by worker-seconds divided by its tier's weight.
package queue

import (
	"encoding/json"
	"time"

	"github.com/settee/settee"
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
	Fit        Fit
	Kind       string // of its graph: jobs of the same kind run the same classes; empty: not known
	Graph      settee.Graph
	Secrets    json.RawMessage // partner keys, already encrypted; gone when the job ends
}

// Session is a worker that is alive: its lease covers every attempt it holds.
type Session struct {
	ID       string
	WorkerID string
	Pool     string
	Boot     string // "server/start" of the embedded server, empty for remote workers
	KeyID    string // of the token that let a remote worker in, empty for embedded ones
	Depth    int
	Nodes    string // hash of its worker's node definitions
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
	Ahead     bool            `json:"ahead"`    // it has not started: no deadline yet
	Grant     *Grant          `json:"-"`
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

// Counts of an account's queue. A greater Version is newer.
type Counts struct {
	Pending, Running int
	Version          int64
}

// Remaining is ComfyUI's queue_remaining.
func (c Counts) Remaining() int { return c.Pending + c.Running }

// ErrNotStarted is a Fault: an attempt that lies ahead cannot tell anything of
// its job.
var ErrNotStarted = settee.Faultf(settee.CodeConflict, "the attempt has not started")

// Patience is how long a job may lie ahead at one worker while another has
// nothing to do.
const Patience = time.Second

// Held is an attempt in progress, as writing for it needs it.
type Held struct {
	Attempt
	AccountID       string
	PromptID        string
	ClientID        string
	ClaimedAt       time.Time
	StartedAt       time.Time // zero: it lies ahead
	Deadline        time.Time // zero: none
	CancelRequested bool
	Seq             int // of the newest durable event written down
}
