// Package v2 is the room of Comfy API v2: its paths, its keys and its error
// envelope. No operation is served yet; each answers 501, as the contract
// foresees for what a server leaves out.
package v2

import (
	"net/http"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// prefix is what every path of the surface begins with.
const prefix = "/api/v2/"

// operations are the contract's, by operationId.
var operations = []struct{ id, method, path string }{
	{"postAssets", http.MethodPost, "assets"},
	{"assetFromHash", http.MethodPost, "assets/from-hash"},
	{"headAssetByHash", http.MethodHead, "assets/by-hash/{hash}"},
	{"getAsset", http.MethodGet, "assets/{id}"},
	{"deleteAsset", http.MethodDelete, "assets/{id}"},
	{"getAssetContent", http.MethodGet, "assets/{id}/content"},
	{"postJobs", http.MethodPost, "jobs"},
	{"getJob", http.MethodGet, "jobs/{id}"},
	{"getJobWorkflow", http.MethodGet, "jobs/{id}/workflow"},
	{"getJobEvents", http.MethodGet, "jobs/{id}/events"},
	{"cancelJob", http.MethodPost, "jobs/{id}/cancel"},
}

// API serves the surface.
type API struct{}

// Mount puts the surface on the root router.
func (a *API) Mount(r *api.Router) {
	r.Envelope(func(q *http.Request) bool { return strings.HasPrefix(q.URL.Path, prefix) }, envelope)
	for _, o := range operations {
		r.Method(o.method, prefix+o.path, r.Client(http.HandlerFunc(unserved)))
	}
}

// envelope is {"error":{"code","message","details"}}.
func envelope(f *settee.Fault) any {
	type fault struct {
		Code    settee.Code `json:"code"`
		Message string      `json:"message"`
		Details any         `json:"details"`
	}
	details := f.Details
	if details == nil {
		details = struct{}{}
	}
	return struct {
		Error fault `json:"error"`
	}{fault{f.Code, f.Message, details}}
}

func unserved(w http.ResponseWriter, r *http.Request) {
	api.Fail(w, r, settee.Faultf(settee.CodeUnsupported, "This server does not serve that yet."))
}
