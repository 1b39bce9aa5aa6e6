package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// home says what answers here. Health probes ask for it too.
func (a *API) home(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-cache")
	w.Write([]byte(page))
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Settee</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#222;background:#fff}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8bf}}code{font-size:.95em}</style>
<h1>Settee</h1>
<p>This server runs ComfyUI workflows over the Comfy Cloud API. Point a client at this address:
submit with <code>POST /api/prompt</code>, watch <code>/ws</code> or <code>GET /api/job/{id}/status</code>,
fetch with <code>GET /api/view</code>.</p>
<p>The API is described in <a href="/openapi/v1.yaml">/openapi/v1.yaml</a>. Its health is at
<a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a>.</p>
</html>
`

// healthz answers while the process serves.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) {
	api.WriteJSON(w, http.StatusOK, status{"ok"})
}

// readyz answers 200 when the server can take jobs.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.Ready != nil {
		if err := a.Ready(r.Context()); err != nil {
			api.Fail(w, r, &settee.Fault{Code: settee.CodeUnavailable, Message: "The server is not ready.", Err: err})
			return
		}
	}
	api.WriteJSON(w, http.StatusOK, status{"ready"})
}

type status struct {
	Status string `json:"status"`
}

func openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(document)
}
