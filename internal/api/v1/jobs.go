package v1

import (
	"net/http"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/record"
)

// Pages of jobs.
const (
	defaultJobs = 100
	maxJobs     = 1000
)

// ListJobs answers a page of the account's jobs, newest first unless asked
// otherwise. (operationId listJobs)
func (a *API) ListJobs(w http.ResponseWriter, r *http.Request, p ListJobsParams) {
	f, err := filter(p)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	jobs, total, err := a.Queue.List(r.Context(), api.Caller(r.Context()).ID, f)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	page := JobsListResponse{
		Jobs:       make([]JobEntry, len(jobs)),
		Pagination: Pagination{Offset: f.Offset, Limit: f.Limit, Total: total, HasMore: f.Offset+len(jobs) < total},
	}
	for i := range jobs {
		page.Jobs[i] = jobEntry(&jobs[i])
	}
	api.WriteJSON(w, http.StatusOK, page)
}

// filter reads the query. The words of ComfyUI's own job list are taken too.
func filter(p ListJobsParams) (record.Filter, error) {
	f := record.Filter{Limit: defaultJobs, WorkflowID: value(p.WorkflowId), MediaType: string(value(p.OutputType))}
	for _, word := range strings.Split(value(p.Status), ",") {
		switch state := settee.JobState(strings.TrimSpace(word)); state {
		case settee.Pending, settee.InProgress, settee.Completed, settee.Failed, settee.Cancelled:
			f.States = append(f.States, state)
		case "":
		default:
			return f, settee.Faultf(settee.CodeInvalid, "status holds %q; it may hold pending, in_progress, completed, failed and cancelled.", state)
		}
	}
	switch f.MediaType {
	case "", "image", "video", "audio":
	default:
		return f, settee.Faultf(settee.CodeInvalid, "output_type must be image, video or audio.")
	}
	switch value(p.SortBy) {
	case "", "create_time", "created_at":
		f.Sort = "create_time"
	case "execution_time", "execution_duration":
		f.Sort = "execution_time"
	default:
		return f, settee.Faultf(settee.CodeInvalid, "sort_by must be create_time or execution_time.")
	}
	switch value(p.SortOrder) {
	case "", "desc":
	case "asc":
		f.Ascending = true
	default:
		return f, settee.Faultf(settee.CodeInvalid, "sort_order must be asc or desc.")
	}
	if p.Limit != nil {
		f.Limit = *p.Limit
	}
	if f.Limit < 1 || f.Limit > maxJobs {
		return f, settee.Faultf(settee.CodeInvalid, "limit must be from 1 to %d.", maxJobs)
	}
	if f.Offset = value(p.Offset); f.Offset < 0 {
		return f, settee.Faultf(settee.CodeInvalid, "offset must not be negative.")
	}
	return f, nil
}

// value is *p, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// jobEntry is a job in a list. An editor checks each field and drops the whole
// page when one is wrong: times are milliseconds, what is not known is absent.
func jobEntry(job *settee.Job) JobEntry {
	e := JobEntry{
		Id:         job.PromptID,
		Status:     job.State,
		CreateTime: job.CreatedAt.UnixMilli(),
		Priority:   job.Number,
		WorkflowId: job.WorkflowID,
	}
	if !job.StartedAt.IsZero() {
		e.ExecutionStartTime = job.StartedAt.UnixMilli()
	}
	if !job.State.Terminal() {
		return e
	}
	if !job.EndedAt.IsZero() {
		e.ExecutionEndTime = job.EndedAt.UnixMilli()
	}
	e.OutputsCount = &job.OutputsCount
	if len(job.PreviewOutput) > 0 {
		e.PreviewOutput = strict(job.PreviewOutput)
	}
	if job.State == settee.Failed && len(job.Error) > 0 {
		e.ExecutionError = strict(job.Error)
	}
	return e
}
