package v1

import (
	"net/http"

	"github.com/settee/settee/internal/api"
)

// GetJobDetail shows a job in full. (operationId getJobDetail)
func (a *API) GetJobDetail(w http.ResponseWriter, r *http.Request, jobID JobID) {
	d, err := a.Queue.Detail(r.Context(), api.Caller(r.Context()).ID, jobID)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	e := jobEntry(&d.Job)
	job := JobDetailResponse{
		Id:                 e.Id,
		Status:             e.Status,
		CreateTime:         e.CreateTime,
		ExecutionStartTime: e.ExecutionStartTime,
		ExecutionEndTime:   e.ExecutionEndTime,
		ExecutionError:     e.ExecutionError,
		PreviewOutput:      e.PreviewOutput,
		OutputsCount:       e.OutputsCount,
		WorkflowId:         e.WorkflowId,
		Priority:           e.Priority,
		UpdateTime:         d.UpdatedAt.UnixMilli(),
		Outputs:            object(d.Result.Outputs),
	}
	job.Workflow.Prompt = graph(&d)
	job.Workflow.ExtraData = object(d.ExtraData)
	if d.State.Terminal() {
		status := executionStatus(&d)
		job.ExecutionStatus = &status
		job.ExecutionMeta = object(d.Meta)
	}
	api.WriteJSON(w, http.StatusOK, job)
}
