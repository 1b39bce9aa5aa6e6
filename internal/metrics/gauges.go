package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/settee/settee/internal/pool"
)

// Listeners is how many sockets are open, and of how many accounts.
type Listeners interface {
	Listeners() (sessions, accounts int)
}

// Loads tells what the pools do now.
type Loads interface {
	Load(ctx context.Context, now time.Time) (pool.Load, error)
}

// Watch adds what is looked up when somebody asks for the metrics.
func (m *Metrics) Watch(l Listeners, loads Loads, now func() time.Time) {
	m.registry.MustRegister(&gauges{listeners: l, loads: loads, now: now})
}

type gauges struct {
	listeners Listeners
	loads     Loads
	now       func() time.Time
}

// lookup is how long a look into the database may take.
const lookup = 2 * time.Second

var (
	sockets  = prometheus.NewDesc("settee_live_sockets", "Open sockets and event streams.", nil, nil)
	accounts = prometheus.NewDesc("settee_live_accounts", "Accounts with an open socket or event stream.", nil, nil)
	workers  = prometheus.NewDesc("settee_pool_workers", "Workers whose session is alive.", []string{"pool"}, nil)
	known    = prometheus.NewDesc("settee_workers", "Workers: ready, out (they fail what others finish), draining, drained or away.", []string{"pool", "status"}, nil)
	running  = prometheus.NewDesc("settee_pool_jobs_running", "Attempts in progress.", []string{"pool"}, nil)
	waiting  = prometheus.NewDesc("settee_lane_jobs_waiting", "Jobs that wait. A lane is the pools that can run them.", []string{"lane"}, nil)
)

func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sockets, accounts, workers, known, running, waiting} {
		ch <- d
	}
}

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	sessions, theirs := g.listeners.Listeners()
	tell(sockets, sessions)
	tell(accounts, theirs)
	ctx, done := context.WithTimeout(context.Background(), lookup)
	defer done()
	load, err := g.loads.Load(ctx, g.now())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(workers, err)
		return
	}
	for pool, n := range load.Workers {
		tell(workers, n, pool)
	}
	for k, n := range load.Known {
		tell(known, n, k.Pool, k.Status)
	}
	for pool, n := range load.Running {
		tell(running, n, pool)
	}
	for lane, n := range load.Waiting {
		tell(waiting, n, lane)
	}
}
