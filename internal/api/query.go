package api

import (
	"net/http"
	"strings"
)

// semicolons keeps a query's semicolons part of its values, as ComfyUI and
// browsers have them (preview=webp;90); Go's own parser would leave such
// parameters out.
func semicolons(next http.Handler) http.Handler {
	quiet := http.AllowQuerySemicolons(next) // without semicolons: only keeps the server from warning
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, ";") {
			next.ServeHTTP(w, r)
			return
		}
		u, q := *r.URL, new(http.Request)
		*q = *r
		u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
		q.URL = &u
		quiet.ServeHTTP(w, q)
	})
}
