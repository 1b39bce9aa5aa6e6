package v1

import (
	"net/http"

	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/record"
)

// GetQueueInfo lists the jobs that run and those that wait, in the order they
// will. The entries are ComfyUI's under both prefixes: the cloud's differ from
// the fourth on, and no client reads those there. (operationId getQueueInfo)
func (a *API) GetQueueInfo(w http.ResponseWriter, r *http.Request) {
	account := api.Caller(r.Context()).ID
	running, pending, err := a.Queue.Live(r.Context(), account)
	out := api.NewStream(w)
	list := func(ids []string) {
		between := ""
		if err == nil {
			err = a.Queue.Each(r.Context(), account, ids, func(d *record.Detail) error {
				out.Text(between)
				between = ","
				return out.Value(item(d))
			})
		}
	}
	out.Text(`{"queue_running":[`)
	list(running)
	out.Text(`],"queue_pending":[`)
	list(pending)
	out.Text("]}")
	out.End(r, err)
}

// item is a job as ComfyUI's queue and history show it. Secrets were taken out
// of extra_data when it was submitted.
func item(d *record.Detail) QueueItem {
	return QueueItem{d.Number, d.PromptID, graph(d), object(d.ExtraData), outputIDs(d)}
}

// ManageQueue cancels jobs that wait. (operationId manageQueue)
func (a *API) ManageQueue(w http.ResponseWriter, r *http.Request) {
	m, err := manage(w, r)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	account := api.Caller(r.Context()).ID
	deleted := []string{}
	if m.clear {
		ids, err := a.Queue.ClearPending(r.Context(), account)
		if err != nil {
			api.Fail(w, r, err)
			return
		}
		deleted = append(deleted, ids...)
	}
	if len(m.ids) > 0 {
		ids, err := a.Queue.DeletePending(r.Context(), account, m.ids)
		if err != nil {
			api.Fail(w, r, err)
			return
		}
		deleted = append(deleted, ids...)
	}
	if a.local(r) {
		api.WriteEmpty(w)
		return
	}
	api.WriteJSON(w, http.StatusOK, QueueManageResponse{Deleted: deleted, Cleared: m.clear})
}
