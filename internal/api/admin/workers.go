package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// worker is a worker as operators read it.
type worker struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Pool      string          `json:"pool"`
	Engine    string          `json:"engine"`
	Version   string          `json:"version"` // the engine's
	Devices   json.RawMessage `json:"devices"`
	Remote    bool            `json:"remote"`
	Drained   bool            `json:"drained"`
	Status    string          `json:"status"`             // ready, out, draining, drained or away
	Reason    string          `json:"reason,omitempty"`   // why it is out
	ProbeAt   *time.Time      `json:"probe_at,omitempty"` // when one that is out may have a job on trial
	Sessions  int             `json:"sessions"`           // live ones
	Running   int             `json:"running"`            // jobs it has
	CreatedAt time.Time       `json:"created_at"`
	SeenAt    time.Time       `json:"seen_at"`
}

func shownWorker(w settee.Worker) worker {
	shown := worker{ID: w.ID, Name: w.Name, Pool: w.Pool, Engine: w.Engine, Version: w.Version, Devices: w.Devices, Remote: w.Remote,
		Drained: w.Drained, Status: w.Status(), Reason: w.OutReason, Sessions: w.Sessions, Running: w.Running,
		CreatedAt: w.CreatedAt.UTC(), SeenAt: w.SeenAt.UTC()}
	if !w.OutAt.IsZero() {
		at := w.ProbeAt.UTC()
		shown.ProbeAt = &at
	}
	return shown
}

// listWorkers answers all workers by name: GET /admin/workers.
func (a *API) listWorkers(w http.ResponseWriter, r *http.Request) {
	all, err := a.Workers.Workers(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	shown := make([]worker, len(all))
	for i, one := range all {
		shown[i] = shownWorker(one)
	}
	api.WriteJSON(w, http.StatusOK, struct {
		Workers []worker `json:"workers"`
	}{shown})
}

// drainWorker has a worker take no new jobs: POST /admin/workers/{name}/drain.
// What it runs goes on.
func (a *API) drainWorker(w http.ResponseWriter, r *http.Request) { a.drain(w, r, true) }

// resumeWorker has a worker that is drained, or out, take jobs again: POST
// /admin/workers/{name}/resume.
func (a *API) resumeWorker(w http.ResponseWriter, r *http.Request) { a.drain(w, r, false) }

func (a *API) drain(w http.ResponseWriter, r *http.Request, drained bool) {
	changed, err := a.Workers.Drain(r.Context(), api.Param(r, "name"), drained)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, shownWorker(changed))
}

// removeWorker ends a worker's sessions and forgets it: DELETE
// /admin/workers/{name}. One that still runs comes back, unless its token is
// deleted.
func (a *API) removeWorker(w http.ResponseWriter, r *http.Request) {
	if err := a.Workers.RemoveWorker(r.Context(), api.Param(r, "name")); err != nil {
		api.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
