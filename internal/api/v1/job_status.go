package v1

import (
	"encoding/json"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// GetJobStatus tells how far a job has come. Clients poll it, so it reads one
// indexed row and no graph. (operationId getJobStatus)
func (a *API) GetJobStatus(w http.ResponseWriter, r *http.Request, jobID JobID) {
	job, err := a.Queue.Status(r.Context(), api.Caller(r.Context()).ID, jobID)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	s := JobStatusResponse{
		Id:              job.PromptID,
		Status:          string(job.State),
		CreatedAt:       job.CreatedAt,
		UpdatedAt:       job.UpdatedAt,
		LastStateUpdate: job.CreatedAt,
	}
	switch {
	case !job.EndedAt.IsZero():
		s.LastStateUpdate = job.EndedAt
	case !job.StartedAt.IsZero():
		s.LastStateUpdate = job.StartedAt
	}
	if a.StatusDialect == "raw" {
		s.Status = rawStatus(&job)
	}
	if job.State == settee.Failed {
		message := failure(&job)
		s.ErrorMessage = &message
	}
	api.WriteJSON(w, http.StatusOK, s)
}

// rawStatus is the cloud's internal word (protocol note 6.1), for clients that
// wait for success.
func rawStatus(job *settee.Job) string {
	switch job.State {
	case settee.Pending:
		return "queued_waiting"
	case settee.InProgress:
		if job.CancelRequested {
			return "cancel_requested"
		}
		return "executing"
	case settee.Completed:
		return "success"
	case settee.Failed:
		if job.Reason == settee.ReasonLost {
			return "lost"
		}
		return "error"
	}
	return string(job.State)
}

// failure is why a job failed, in a sentence.
func failure(job *settee.Job) string {
	var e struct {
		Message string `json:"exception_message"`
	}
	if json.Unmarshal(strict(job.Error), &e) == nil && e.Message != "" {
		return e.Message
	}
	return string(job.Reason)
}
