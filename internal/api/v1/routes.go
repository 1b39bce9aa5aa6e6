package v1

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// public are the operations that need no key (security: [] in openapi.yaml).
var public = map[string]bool{
	"/api/workflow_templates":         true,
	"/api/global_subgraphs":           true,
	"/api/global_subgraphs/{id}":      true,
	"/api/experiment/models":          true,
	"/api/system_stats":               true,
	"/api/experiment/models/{folder}": true,
	"/api/experiment/models/preview/{folder}/{path_index}/{filename}": true,
}

// optional are the operations that say more to who shows a key.
var optional = map[string]bool{"/api/features": true}

// prefixed are the paths that exist under /api alone, as in ComfyUI, whose
// un-prefixed /assets is the editor's folder.
var prefixed = []string{"/api/jobs", "/api/assets", "/api/tags", "/api/tasks", "/api/workflows", "/api/workspaces", "/api/billing", "/api/auth"}

// Mount puts the surface on the root router.
func (a *API) Mount(r *api.Router) {
	r.Envelope(submits, promptFault)
	contract := chi.NewRouter()
	HandlerWithOptions(a, ChiServerOptions{BaseRouter: contract, ErrorHandlerFunc: badParameter})
	err := chi.Walk(contract, func(method, path string, h http.Handler, _ ...func(http.Handler) http.Handler) error {
		switch {
		case optional[path]:
			h = r.Optional(h)
		case !public[path]:
			h = r.Client(h)
		}
		r.Method(method, path, h)
		if !onlyPrefixed(path) {
			r.Method(method, strings.TrimPrefix(path, "/api"), bare(h))
		}
		return nil
	})
	if err != nil {
		panic(err) // only what the function above returns
	}
	for _, path := range []string{"/ws", "/api/ws"} { // OpenAPI has no words for it
		r.Method(http.MethodGet, path, r.Socket(http.HandlerFunc(a.Socket)))
	}
	a.MountFiles(r)
	r.Get("/", a.home)
	r.Get("/healthz", a.healthz)
	r.Get("/readyz", a.readyz)
	r.Get("/openapi/v1.yaml", openapi)
}

func onlyPrefixed(path string) bool {
	for _, p := range prefixed {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

type bareKey struct{}

// bare marks a request that came without the prefix.
func bare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bareKey{}, true)))
	})
}

// local reports whether a request is to be answered as a local ComfyUI would:
// it came without the prefix, or the server is open.
func (a *API) local(r *http.Request) bool {
	return a.Open || r.Context().Value(bareKey{}) != nil
}

// submits reports whether a request is POST prompt.
func submits(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/api/prompt" || r.URL.Path == "/prompt")
}

func badParameter(w http.ResponseWriter, r *http.Request, err error) {
	f := settee.Faultf(settee.CodeInvalid, "A parameter of this request cannot be read.")
	if bad, ok := errors.AsType[*InvalidParamFormatError](err); ok {
		f = settee.Faultf(settee.CodeInvalid, "The parameter %s cannot be read.", bad.ParamName)
	} else if bad, ok := errors.AsType[*RequiredParamError](err); ok {
		f = settee.Faultf(settee.CodeInvalid, "The parameter %s is required.", bad.ParamName)
	}
	f.Err = err
	api.Fail(w, r, f)
}
