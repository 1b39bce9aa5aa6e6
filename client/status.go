package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/settee/settee"
)

// Status is how far a job has come.
type Status struct {
	State settee.JobState // one of the five words, whatever the server's dialect
	Word  string          // the server's own word
	Error string          // the server's sentence about a job that did not complete
}

// Status asks how far a job has come; it is the cheapest question about a job.
// Servers without that path are asked for the job itself. (operationId
// getJobStatus)
func (c *Client) Status(ctx context.Context, promptID string) (Status, error) {
	var answer struct {
		Status string  `json:"status"`
		Error  *string `json:"error_message"`
	}
	err := c.call(ctx, http.MethodGet, "/api/job/"+url.PathEscape(promptID)+"/status", nil, nil, &answer)
	if unrouted(err) {
		job, err := c.Job(ctx, promptID)
		if err != nil {
			return Status{}, err
		}
		return Status{State: job.State, Word: string(job.State)}, nil
	}
	if err != nil {
		return Status{}, err
	}
	s := Status{State: State(answer.Status), Word: answer.Status}
	if answer.Error != nil {
		s.Error = *answer.Error
	}
	return s, nil
}

// State reads a status word in any dialect: the five words, those of Comfy
// Cloud's scheduler, and those of the published contracts. An unknown word is
// that of a job on its way.
func State(word string) settee.JobState {
	switch word {
	case "pending", "queued", "submitted", "queued_limited", "queued_waiting", "allocated", "preparing", "pending_execution", "waiting_to_dispatch":
		return settee.Pending
	case "completed", "success", "succeeded":
		return settee.Completed
	case "failed", "error", "non_retryable_error", "lost", "expired":
		return settee.Failed
	case "cancelled", "canceled":
		return settee.Cancelled
	}
	return settee.InProgress
}
