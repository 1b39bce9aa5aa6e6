package admin

import (
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// account is an account as operators read it.
type account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Tier      string    `json:"tier"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
}

func shownAccount(a settee.Account) account {
	return account{a.ID, a.Name, a.Tier.Name, a.Disabled, a.CreatedAt.UTC()}
}

// listAccounts answers all accounts by name: GET /admin/accounts.
func (a *API) listAccounts(w http.ResponseWriter, r *http.Request) {
	all, err := a.Accounts.List(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	shown := make([]account, len(all))
	for i, one := range all {
		shown[i] = shownAccount(one)
	}
	api.WriteJSON(w, http.StatusOK, struct {
		Accounts []account `json:"accounts"`
	}{shown})
}

// createAccount makes an account of a tier: POST /admin/accounts.
func (a *API) createAccount(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
		Tier string `json:"tier"`
	}
	if err := read(w, r, &in); err != nil {
		api.Fail(w, r, err)
		return
	}
	made, err := a.Accounts.Create(r.Context(), in.Name, in.Tier)
	answer(w, r, http.StatusCreated, made, err)
}

// showAccount answers one account: GET /admin/accounts/{name}.
func (a *API) showAccount(w http.ResponseWriter, r *http.Request) {
	found, err := a.Accounts.Show(r.Context(), api.Param(r, "name"))
	answer(w, r, http.StatusOK, found, err)
}

// disableAccount shuts an account's keys out: POST /admin/accounts/{name}/disable.
func (a *API) disableAccount(w http.ResponseWriter, r *http.Request) {
	disabled, err := a.Accounts.Disable(r.Context(), api.Param(r, "name"))
	answer(w, r, http.StatusOK, disabled, err)
}

func answer(w http.ResponseWriter, r *http.Request, status int, a settee.Account, err error) {
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, status, shownAccount(a))
}
