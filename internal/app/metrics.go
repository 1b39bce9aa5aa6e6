package app

import (
	"net/http"

	"github.com/settee/settee/internal/api"
)

// metricsPath is where Prometheus finds the metrics.
const metricsPath = "/metrics"

// mountMetrics serves the metrics to this machine, and elsewhere to operators.
// Behind a proxy everybody seems to be this machine, so a key is needed then.
func (a *App) mountMetrics(r *api.Router) {
	open := a.metrics.Handler()
	keyed := r.Admin(open)
	r.Get(metricsPath, func(w http.ResponseWriter, q *http.Request) {
		if !a.cfg.TrustProxy && r.Direct(q) {
			open.ServeHTTP(w, q)
			return
		}
		keyed.ServeHTTP(w, q)
	})
}
