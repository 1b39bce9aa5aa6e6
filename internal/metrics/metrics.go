// Package metrics counts and times what the other packages do, for Prometheus.
//
// What holds: the other packages know nothing of it; they are wrapped (Queue),
// or call a plain function that was handed to them (Served, Committed, Stored). No
// label tells accounts, jobs, files or paths of clients apart: what labels say
// is bounded by the program and by the operator's pools. Names begin with
// settee_, times are seconds, sizes bytes.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one server's set.
type Metrics struct {
	registry *prometheus.Registry

	wait      *prometheus.HistogramVec // by pool
	stage     *prometheus.HistogramVec // by stage
	submitted prometheus.Counter
	refused   *prometheus.CounterVec // by code
	bytes     prometheus.Counter
	ended     *prometheus.CounterVec // by pool, state, reason
	returned  *prometheus.CounterVec // by pool, reason

	commits  *prometheus.HistogramVec // by result
	batch    prometheus.Histogram
	requests *prometheus.CounterVec   // by method, path, class
	served   *prometheus.HistogramVec // by method, path
}

// quick are bounds from a tenth of a millisecond to ten seconds, for what the
// house itself does.
var quick = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// slow are bounds from a millisecond to an hour, for what jobs take and wait.
var slow = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}

// New makes a set with everything that must be told to it at zero. version is
// the program's.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.wait = m.histogram("settee_job_wait_seconds", "From submitted (or handed back) to claimed.", slow, "pool")
	m.stage = m.histogram("settee_job_stage_seconds", "Stages of a job: admit is from the parsed request to the answer, submit, claim, start (of a job claimed ahead), execute and finish are units in the database, store is one file to the disk, or into memory when it is small: a unit writes it down, run is from started to the ending that the worker reports.", slow, "stage")
	m.submitted = m.counter("settee_jobs_submitted_total", "Jobs taken in.").WithLabelValues()
	m.refused = m.counter("settee_jobs_refused_total", "Jobs that were not taken, by fault.", "code")
	m.bytes = m.counter("settee_stored_bytes_total", "Bytes of files that were stored, of jobs and uploads.").WithLabelValues()
	m.ended = m.counter("settee_jobs_ended_total", "Attempts that ended their job.", "pool", "state", "reason")
	m.returned = m.counter("settee_jobs_returned_total", "Attempts whose job waits again.", "pool", "reason")
	m.commits = m.histogram("settee_store_commit_seconds", "Transactions that write, with the flush to the disk.", quick, "result")
	m.batch = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "settee_store_batch_units",
		Help: "Units that shared a transaction.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)})
	m.requests = m.counter("settee_http_requests_total", "Requests by the pattern of their path.", "method", "path", "status")
	m.served = m.histogram("settee_http_request_seconds", "Until a request was answered; for sockets, until they were open.", quick, "method", "path")

	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "settee_build_info", Help: "1.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.batch, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, stage := range []string{admit, submit, claim, start, run, store, execute, finish} {
		m.stage.WithLabelValues(stage)
	}
	return m
}

func (m *Metrics) histogram(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// Handler answers the set in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}
