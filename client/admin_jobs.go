package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/settee/settee"
)

// AdminJob is a job of any account as operators see it.
type AdminJob struct {
	ID              string          `json:"id"` // the server's own
	PromptID        string          `json:"prompt_id"`
	Account         string          `json:"account"` // name
	State           settee.JobState `json:"status"`
	Reason          settee.Reason   `json:"reason,omitempty"`
	Number          json.Number     `json:"number"`
	Lane            string          `json:"lane,omitempty"`
	Attempt         int             `json:"attempt"`
	OutputsCount    int             `json:"outputs_count"`
	CancelRequested bool            `json:"cancel_requested"`
	CreatedAt       time.Time       `json:"created_at"`
	StartedAt       time.Time       `json:"started_at,omitzero"`
	EndedAt         time.Time       `json:"ended_at,omitzero"`
	Error           *ExecutionError `json:"error,omitempty"`
}

// AdminFilter says which jobs Admin.Jobs lists, newest first.
type AdminFilter struct {
	Account string            // name; empty: all
	States  []settee.JobState // none: all
	Limit   int               // 0: the server's choice
	Offset  int
}

// Jobs lists jobs of all accounts.
func (a Admin) Jobs(ctx context.Context, f AdminFilter) ([]AdminJob, Page, error) {
	query := url.Values{}
	set(query, "account", f.Account)
	set(query, "status", joined(f.States))
	setInt(query, "limit", f.Limit)
	setInt(query, "offset", f.Offset)
	var answer struct {
		Jobs       []AdminJob `json:"jobs"`
		Pagination Page       `json:"pagination"`
	}
	err := a.client.call(ctx, http.MethodGet, "/admin/jobs", query, nil, &answer)
	return answer.Jobs, answer.Pagination, err
}

// Job shows a job, named by the server's id or by its prompt id.
func (a Admin) Job(ctx context.Context, id string) (AdminJob, error) {
	var job AdminJob
	err := a.client.call(ctx, http.MethodGet, "/admin/jobs/"+url.PathEscape(id), nil, nil, &job)
	return job, err
}

// Cancel ends a job of any account; false means that it had ended already.
func (a Admin) Cancel(ctx context.Context, id string) (bool, error) {
	var answer struct {
		Cancelled bool `json:"cancelled"`
	}
	err := a.client.call(ctx, http.MethodPost, "/admin/jobs/"+url.PathEscape(id)+"/cancel", nil, []byte("{}"), &answer)
	return answer.Cancelled, err
}
