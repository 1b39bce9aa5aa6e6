package v1

import (
	"encoding/json"
	"net/http"
	"time"

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
	if job.State == settee.Failed || a.StatusDialect == "raw" || !canonical(job.PromptID) {
		api.WriteJSON(w, http.StatusOK, a.jobStatus(&job))
		return
	}
	// The same text, in a fifth of the time.
	var room [512]byte
	out := append(room[:0], `{"id":"`...)
	out = append(out, job.PromptID...)
	out = append(out, `","status":"`...)
	out = append(out, job.State...)
	out = appendTime(out, `","created_at":"`, job.CreatedAt)
	out = appendTime(out, `","updated_at":"`, job.UpdatedAt)
	out = appendTime(out, `","last_state_update":"`, lastState(&job))
	api.WriteRaw(w, http.StatusOK, append(out, `","assigned_inference":null,"error_message":null}`...))
}

// jobStatus is how far a job has come.
func (a *API) jobStatus(job *settee.Job) JobStatusResponse {
	s := JobStatusResponse{
		Id:              job.PromptID,
		Status:          string(job.State),
		CreatedAt:       job.CreatedAt,
		UpdatedAt:       job.UpdatedAt,
		LastStateUpdate: lastState(job),
	}
	if a.StatusDialect == "raw" {
		s.Status = rawStatus(job)
	}
	if job.State == settee.Failed {
		message := failure(job)
		s.ErrorMessage = &message
	}
	return s
}

// lastState is when the job came into its state.
func lastState(job *settee.Job) time.Time {
	switch {
	case !job.EndedAt.IsZero():
		return job.EndedAt
	case !job.StartedAt.IsZero():
		return job.StartedAt
	}
	return job.CreatedAt
}

func appendTime(out []byte, before string, t time.Time) []byte {
	return t.AppendFormat(append(out, before...), time.RFC3339Nano)
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
