package admin

import (
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// key is a key as operators read it. Secret is there once, when it is made.
type key struct {
	ID        string       `json:"id"`
	Account   string       `json:"account"` // name; empty for a key that is no account's
	Name      string       `json:"name"`
	Prefix    string       `json:"prefix"`
	Scope     settee.Scope `json:"scope"`
	Pool      string       `json:"pool,omitempty"` // of a worker's token: the only pool it may serve
	CreatedAt time.Time    `json:"created_at"`
	Secret    string       `json:"secret,omitempty"`
}

func shownKey(k settee.Key, account, secret string) key {
	return key{k.ID, account, k.Name, k.Prefix, k.Scope, k.Pool, k.CreatedAt.UTC(), secret}
}

// listKeys answers the keys of an account, or of all: GET /admin/keys.
func (a *API) listKeys(w http.ResponseWriter, r *http.Request) {
	all, err := a.Accounts.Keys(r.Context(), r.URL.Query().Get("account"))
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	names, err := a.names(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	shown := make([]key, len(all))
	for i, k := range all {
		shown[i] = shownKey(k, names[k.AccountID], "")
	}
	api.WriteJSON(w, http.StatusOK, struct {
		Keys []key `json:"keys"`
	}{shown})
}

// createKey makes a key for an account, with scope admin one for operators, or
// with scope worker a token for workers: POST /admin/keys. An account must be
// named or the scope said: nobody gets an operator's key by leaving something
// out.
func (a *API) createKey(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account string       `json:"account"`
		Name    string       `json:"name"`
		Scope   settee.Scope `json:"scope"`
		Pool    string       `json:"pool"`
	}
	if err := read(w, r, &in); err != nil {
		api.Fail(w, r, err)
		return
	}
	var (
		secret string
		made   settee.Key
		err    error
	)
	switch {
	case in.Pool != "" && in.Scope != settee.ScopeWorker:
		err = settee.Faultf(settee.CodeInvalid, "Only a worker's token has a pool.")
	case in.Scope == settee.ScopeWorker && in.Account == "":
		secret, made, err = a.Accounts.CreateWorkerKey(r.Context(), in.Name, in.Pool)
	case in.Scope == settee.ScopeAdmin && in.Account == "":
		secret, made, err = a.Accounts.CreateAdminKey(r.Context(), in.Name)
	case in.Scope != "" && in.Scope != settee.ScopeClient:
		err = settee.Faultf(settee.CodeInvalid, "The scope must be client, or admin or worker without an account.")
	case in.Account == "":
		err = settee.Faultf(settee.CodeInvalid, "The field account says whose key it will be.")
	default:
		secret, made, err = a.Accounts.CreateKey(r.Context(), in.Account, in.Name)
	}
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusCreated, shownKey(made, in.Account, secret))
}

// deleteKey ends a key, named by its id or prefix: DELETE /admin/keys/{id}.
func (a *API) deleteKey(w http.ResponseWriter, r *http.Request) {
	if err := a.Accounts.DeleteKey(r.Context(), api.Param(r, "id")); err != nil {
		api.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
