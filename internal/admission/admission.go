// Package admission takes a workflow in: it judges it against the pools' nodes,
// pins its files, takes its secrets out, and hands it to the queue. Both API
// surfaces admit jobs through it.
package admission

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// Request is a workflow as a surface received it.
type Request struct {
	Prompt     json.RawMessage // the graph's bytes
	ExtraData  json.RawMessage // an object, or nil
	PromptID   string          // the client's own; empty: ours
	ClientID   string
	WorkflowID string
	Number     *float64
	Front      bool
	Targets    []string // nil: all output nodes
	Open       bool     // open mode: a prompt id of an ended job may be used again
}

// Receipt is an accepted job, and what was wrong with the outputs left out.
type Receipt struct {
	Job        settee.Job
	NodeErrors workflow.NodeErrors
}

// Refused says that the workflow is wrong, in ComfyUI's words (protocol note
// 3.2 and 3.3).
type Refused struct {
	Refusal    workflow.Refusal
	NodeErrors workflow.NodeErrors
}

func (r *Refused) Error() string { return r.Refusal.Error() }

// Pools tells what can run.
type Pools interface {
	Pools(ctx context.Context) ([]pool.Pool, error)
}

// Files answers for each account's names.
type Files interface {
	Account(accountID string) workflow.Files
}

// Queue takes jobs in.
type Queue interface {
	Submit(ctx context.Context, s queue.Submission) (settee.Job, error)
}

// Service admits jobs.
type Service struct {
	pools Pools
	files Files
	queue Queue
	seal  func(plain []byte) (string, error)
}

// New makes a Service; seal encrypts partner keys.
func New(pools Pools, files Files, q Queue, seal func(plain []byte) (string, error)) *Service {
	return &Service{pools: pools, files: files, queue: q, seal: seal}
}

// Admit validates and queues a workflow. The error is *Refused when the
// workflow is wrong, a *settee.Fault when it may not be queued now.
// (operationId executePrompt)
func (s *Service) Admit(ctx context.Context, account settee.Account, r Request) (Receipt, error) {
	graph, err := workflow.Parse(r.Prompt)
	if err != nil {
		return Receipt{}, refuse(err)
	}
	verdict, err := s.judge(ctx, account, graph, r.Targets)
	if err != nil {
		return Receipt{}, err
	}
	extra, err := readExtra(r.ExtraData, r.ClientID)
	if err != nil {
		return Receipt{}, err
	}
	submission := queue.Submission{
		AccountID:  account.ID,
		PromptID:   r.PromptID,
		Replace:    r.Open,
		ClientID:   r.ClientID,
		WorkflowID: r.WorkflowID,
		Number:     r.Number,
		Front:      r.Front,
		Lane:       verdict.lane,
		Fit:        verdict.fit,
		Kind:       graph.Kind(),
		Graph: settee.Graph{
			Prompt:    r.Prompt,
			Edits:     verdict.Edits,
			ExtraData: extra.shown,
			Outputs:   verdict.Outputs,
			Inputs:    verdict.Inputs,
		},
	}
	if extra.secrets != nil {
		sealed, err := s.seal(extra.secrets)
		if err != nil {
			return Receipt{}, fmt.Errorf("seal the partner keys: %w", err)
		}
		if submission.Secrets, err = json.Marshal(sealed); err != nil {
			return Receipt{}, err
		}
	}
	job, err := s.queue.Submit(ctx, submission)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Job: job, NodeErrors: verdict.NodeErrors}, nil
}
