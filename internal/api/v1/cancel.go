package v1

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pyjson"
)

// maxCancel is how many jobs one request may cancel.
const maxCancel = 100

// CancelJob cancels a job that waits and asks one that runs to stop; it may be
// repeated. (operationId cancelJob)
func (a *API) CancelJob(w http.ResponseWriter, r *http.Request, jobID JobID) {
	cancelled, err := a.cancel(r, jobID)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, CancelResponse{Cancelled: cancelled})
}

// CancelJobSingular is CancelJob under another path.
// (operationId cancelJobSingular)
func (a *API) CancelJobSingular(w http.ResponseWriter, r *http.Request, jobID JobID) {
	a.CancelJob(w, r, jobID)
}

// cancel cancels one job. An open server is ComfyUI: its ids may be any text,
// and an unknown one is nothing to cancel.
func (a *API) cancel(r *http.Request, id string) (bool, error) {
	if err := a.checkID(id); err != nil {
		return false, err
	}
	cancelled, err := a.Queue.Cancel(r.Context(), api.Caller(r.Context()).ID, id)
	if a.Open && settee.CodeOf(err) == settee.CodeNotFound {
		return false, nil
	}
	return cancelled, err
}

func (a *API) checkID(id string) error {
	if _, err := uuid.Parse(id); err != nil && !a.Open {
		return settee.Faultf(settee.CodeInvalid, "A job id is a UUID.")
	}
	return nil
}

// CancelJobs cancels several jobs, none when one is unknown. The cloud answers
// the ids of those that had not ended; ComfyUI, and so an open server, whether
// there was one. (operationId cancelJobs)
func (a *API) CancelJobs(w http.ResponseWriter, r *http.Request) {
	ids, err := a.cancelIDs(w, r)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	if a.Open {
		some := false
		for _, id := range ids {
			cancelled, err := a.cancel(r, id)
			if err != nil {
				api.Fail(w, r, err)
				return
			}
			some = some || cancelled
		}
		api.WriteJSON(w, http.StatusOK, CancelResponse{Cancelled: some})
		return
	}
	cancelled, err := a.Queue.CancelMany(r.Context(), api.Caller(r.Context()).ID, ids)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	if cancelled == nil {
		cancelled = []string{}
	}
	api.WriteJSON(w, http.StatusOK, CancelManyResponse{Cancelled: cancelled})
}

func (a *API) cancelIDs(w http.ResponseWriter, r *http.Request) ([]string, error) {
	v, err := command(w, r)
	if err != nil {
		return nil, err
	}
	list := v.Get("job_ids")
	if n := list.Len(); list.Kind != pyjson.Array || n < 1 || n > maxCancel {
		return nil, settee.Faultf(settee.CodeInvalid, "job_ids must be a list of 1 to %d job ids.", maxCancel)
	}
	var ids []string
	for item := range list.Items() {
		if item.Kind != pyjson.String {
			return nil, settee.Faultf(settee.CodeInvalid, "job_ids must hold text only.")
		}
		if err := a.checkID(item.Text()); err != nil {
			return nil, err
		}
		ids = append(ids, item.Text())
	}
	return ids, nil
}
