package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/settee/settee"
)

// methods that a path may have.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// head routes HEAD to GET where the path has no HEAD of its own; the server
// leaves the body out.
func (r *Router) head(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodHead && !r.has(q, http.MethodHead) && r.has(q, http.MethodGet) {
			chi.RouteContext(q.Context()).RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, q)
	})
}

func (r *Router) has(q *http.Request, method string) bool {
	path := q.URL.Path
	if q.URL.RawPath != "" {
		path = q.URL.RawPath
	}
	return r.Match(chi.NewRouteContext(), method, path)
}

func (r *Router) unknown(w http.ResponseWriter, q *http.Request) {
	Fail(w, q, settee.Faultf(settee.CodeNotFound, "There is nothing at this path."))
}

// wrongMethod names the methods the path has. OPTIONS is answered with them
// alone, as ComfyUI answers it; no other origin is allowed anything.
func (r *Router) wrongMethod(w http.ResponseWriter, q *http.Request) {
	var allow []string
	for _, m := range methods {
		if r.has(q, m) {
			allow = append(allow, m)
			if m == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	if q.Method == http.MethodOptions {
		WriteEmpty(w)
		return
	}
	Fail(w, q, settee.Faultf(CodeMethod, "This path answers %s.", strings.Join(allow, ", ")))
}
