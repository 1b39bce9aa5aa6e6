package wire

import (
	"encoding/json"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// Claim asks for a job: POST /sessions/{session}/claim. It answers a Lease, or
// 204 when there was none for that long.
type Claim struct {
	WaitMS int64 `json:"wait_ms"`
	Ahead  bool  `json:"ahead,omitempty"` // the worker runs another job; from version 2, and never waits
}

// Started answers that a job which was claimed ahead runs from now: POST
// …/jobs/{job}/{n}/start, whose body is empty or {}. It is told before anything
// is said of the job.
type Started struct {
	TimeMS *int64 `json:"time_ms,omitempty"` // until the runtime cap; none when there is none
}

// StartedOf is a deadline as it travels.
func StartedOf(deadline, now time.Time) Started { return Started{left(deadline, now)} }

// Deadline is the inverse of StartedOf, by the clock of who calls it.
func (s Started) Deadline(now time.Time) time.Time { return until(s.TimeMS, now) }

func left(deadline, now time.Time) *int64 {
	if deadline.IsZero() {
		return nil
	}
	ms := deadline.Sub(now).Milliseconds()
	return &ms
}

func until(ms *int64, now time.Time) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return now.Add(time.Duration(*ms) * time.Millisecond)
}

// Lease is a claimed job. Partner keys are in its extra_data.
type Lease struct {
	Attempt
	Account   string            `json:"account"`
	Prompt    string            `json:"prompt_id"`
	Client    string            `json:"client_id"`
	Graph     []byte            `json:"graph"` // as it was submitted
	Edits     []settee.Edit     `json:"edits"`
	ExtraData []byte            `json:"extra_data"`
	Outputs   []string          `json:"outputs"`
	Inputs    []settee.JobInput `json:"inputs"`
	TimeMS    *int64            `json:"time_ms,omitempty"` // until the runtime cap; none when there is none
	Watched   bool              `json:"watched"`           // somebody would see previews
	Ahead     bool              `json:"ahead,omitempty"`   // it must be started
}

// LeaseOf is a lease as it travels; its secrets must be in its extra_data.
func LeaseOf(l *queue.Lease, watched bool, now time.Time) Lease {
	return Lease{
		Attempt: Attempt{l.Attempt.JobID, l.Attempt.N}, Account: l.AccountID, Prompt: l.PromptID, Client: l.ClientID,
		Graph: l.Graph.Prompt, Edits: l.Graph.Edits, ExtraData: l.Graph.ExtraData, Outputs: l.Graph.Outputs,
		Inputs: l.Graph.Inputs, Watched: watched, TimeMS: left(l.Deadline, now), Ahead: l.Ahead,
	}
}

// Lease is the inverse of LeaseOf, by the clock of who calls it.
func (l Lease) Lease(session string, now time.Time) *queue.Lease {
	return &queue.Lease{
		Attempt:   queue.Attempt{JobID: l.Job, N: l.N, SessionID: session},
		AccountID: l.Account, PromptID: l.Prompt, ClientID: l.Client,
		Graph: settee.Graph{Prompt: json.RawMessage(l.Graph), Edits: l.Edits, ExtraData: json.RawMessage(l.ExtraData),
			Outputs: l.Outputs, Inputs: l.Inputs},
		Deadline: until(l.TimeMS, now), Ahead: l.Ahead,
	}
}
