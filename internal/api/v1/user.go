package v1

import (
	"cmp"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// GetUser tells who asks. Only active accounts get this far. (operationId getUser)
func (a *API) GetUser(w http.ResponseWriter, r *http.Request) {
	account := api.Caller(r.Context())
	api.WriteJSON(w, http.StatusOK, UserResponse{Status: "active", Id: account.ID, Name: account.Name, Tier: account.Tier.Name})
}

// GetUsers tells an editor that there is one user, whom it need not choose: the
// account is told by the key. (operationId getUsers)
func (a *API) GetUsers(w http.ResponseWriter, _ *http.Request) {
	api.WriteJSON(w, http.StatusOK, UsersResponse{Storage: "server", Migrated: true})
}

// GetFeatures tells what the server can do, and to who shows a key how many
// jobs may run at once. (operationId getFeatures)
func (a *API) GetFeatures(w http.ResponseWriter, r *http.Request) {
	api.WriteJSON(w, http.StatusOK, a.features(api.Caller(r.Context())))
}

// features are what GET features and the socket's feature_flags say.
func (a *API) features(account settee.Account) any {
	return struct {
		Previews      bool  `json:"supports_preview_metadata"`
		MaxUpload     int64 `json:"max_upload_size"`
		MaxConcurrent int   `json:"max_concurrent_jobs,omitempty"`
	}{true, cmp.Or(a.MaxUpload, maxUpload), account.Tier.Concurrent}
}
