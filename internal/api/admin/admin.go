// Package admin is the surface for operators: accounts, keys, workers, and the
// jobs of everybody.
//
// What holds: every path needs a key of scope admin, on an open server too;
// faults are {"code","message"}; times are RFC 3339 in UTC and absent when
// something has not happened yet.
package admin

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/record"
)

// Accounts changes accounts and keys.
type Accounts interface {
	Create(ctx context.Context, name, tier string) (settee.Account, error)
	List(ctx context.Context) ([]settee.Account, error)
	Show(ctx context.Context, name string) (settee.Account, error)
	Disable(ctx context.Context, name string) (settee.Account, error)
	CreateKey(ctx context.Context, account, name string) (secret string, k settee.Key, err error)
	CreateAdminKey(ctx context.Context, name string) (secret string, k settee.Key, err error)
	CreateWorkerKey(ctx context.Context, name, pool string) (secret string, k settee.Key, err error)
	Keys(ctx context.Context, account string) ([]settee.Key, error)
	DeleteKey(ctx context.Context, name string) error
}

// Jobs finds and cancels jobs of all accounts.
type Jobs interface {
	AllJobs(ctx context.Context, f record.AdminFilter) ([]settee.Job, int, error)
	AnyJob(ctx context.Context, id string) (settee.Job, error)
	Cancel(ctx context.Context, accountID, promptID string) (bool, error)
}

// Workers shows workers and changes what they take.
type Workers interface {
	Workers(ctx context.Context) ([]settee.Worker, error)
	// Drain has a worker take no new jobs, or take them again; Fault
	// CodeNotFound.
	Drain(ctx context.Context, name string, drained bool) (settee.Worker, error)
	// RemoveWorker ends a worker's sessions and forgets it; what it had goes back
	// to the queue. Fault CodeNotFound.
	RemoveWorker(ctx context.Context, name string) error
}

// API serves the surface.
type API struct {
	Accounts Accounts
	Jobs     Jobs
	Workers  Workers
}

// Mount puts the surface on the root router.
func (a *API) Mount(r *api.Router) {
	admin := r.With(r.Admin)
	admin.Get("/admin/accounts", a.listAccounts)
	admin.Post("/admin/accounts", a.createAccount)
	admin.Get("/admin/accounts/{name}", a.showAccount)
	admin.Post("/admin/accounts/{name}/disable", a.disableAccount)
	admin.Get("/admin/keys", a.listKeys)
	admin.Post("/admin/keys", a.createKey)
	admin.Delete("/admin/keys/{id}", a.deleteKey)
	admin.Get("/admin/workers", a.listWorkers)
	admin.Post("/admin/workers/{name}/drain", a.drainWorker)
	admin.Post("/admin/workers/{name}/resume", a.resumeWorker)
	admin.Delete("/admin/workers/{name}", a.removeWorker)
	admin.Get("/admin/jobs", a.listJobs)
	admin.Get("/admin/jobs/{id}", a.showJob)
	admin.Post("/admin/jobs/{id}/cancel", a.cancelJob)
}

// maxBody is how large a body here may be, in bytes.
const maxBody = 64 << 10

// read reads a JSON body into v.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := api.Body(w, r, maxBody)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &settee.Fault{Code: settee.CodeInvalid, Message: "The body must be a JSON object with the fields of this call.", Err: err}
	}
	return nil
}

// names are the accounts' names by their ids.
func (a *API) names(ctx context.Context) (map[string]string, error) {
	all, err := a.Accounts.List(ctx)
	names := make(map[string]string, len(all))
	for _, account := range all {
		names[account.ID] = account.Name
	}
	return names, err
}
