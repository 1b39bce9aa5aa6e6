package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/metrics"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
)

// scrape is what Prometheus reads, without comments.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
}

type store struct {
	queue.Store
	claim *queue.Claim
	out   queue.Outcome
	err   error
}

func (s *store) SubmitJob(context.Context, string, queue.Submission, *queue.Idle, time.Time) (queue.Submitted, error) {
	return queue.Submitted{}, s.err
}
func (s *store) ClaimJob(context.Context, queue.Session, bool, time.Time) (*queue.Claim, error) {
	return s.claim, s.err
}
func (s *store) StartAttempt(context.Context, queue.Attempt, time.Time) (queue.Started, error) {
	return queue.Started{}, s.err
}
func (s *store) EndAttempt(context.Context, queue.Attempt, queue.End, time.Time) (queue.Outcome, error) {
	return s.out, s.err
}

func TestJobsAreCountedByPoolAndEnding(t *testing.T) {
	m := metrics.New("1.2.3")
	now := time.Now()
	s := &store{}
	q := m.Queue(s, func() time.Time { return now })
	q.SubmitJob(t.Context(), "", queue.Submission{AccountID: "secret-account"}, nil, now)
	a := queue.Attempt{JobID: settee.NewID(), N: 1, SessionID: "s"}
	s.claim = &queue.Claim{Lease: queue.Lease{Attempt: a}}
	now = now.Add(20 * time.Second)
	q.ClaimJob(t.Context(), queue.Session{Pool: "gpu"}, false, now)
	now = now.Add(2 * time.Second)
	s.out = queue.Outcome{State: settee.Failed}
	q.EndAttempt(t.Context(), a, queue.End{Ending: queue.Ending{State: settee.Failed, Reason: settee.ReasonTimeout}}, now)
	s.out = queue.Outcome{State: settee.Pending}
	q.EndAttempt(t.Context(), a, queue.End{Ending: queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}}, now)
	text := scrape(t, m)
	has(t, text,
		`settee_build_info{version="1.2.3"} 1`,
		`settee_jobs_submitted_total 1`,
		`settee_job_wait_seconds_bucket{pool="gpu",le="10"} 0`,
		`settee_job_wait_seconds_bucket{pool="gpu",le="30"} 1`,
		`settee_job_stage_seconds_sum{stage="run"} 2`,
		`settee_jobs_ended_total{pool="gpu",reason="timeout",state="failed"} 1`,
		`settee_jobs_returned_total{pool="unknown",reason="lost"} 1`)
	if strings.Contains(text, "secret-account") || strings.Contains(text, a.JobID) {
		t.Error("an account or a job is told apart")
	}
}

// A job that was claimed ahead waits until it starts, and runs from then.
func TestAJobClaimedAheadWaitsUntilItStarts(t *testing.T) {
	m := metrics.New("")
	now := time.Now()
	s := &store{}
	q := m.Queue(s, func() time.Time { return now })
	for _, start := range []bool{true, false} {
		a := queue.Attempt{JobID: settee.NewID(), N: 1, SessionID: "s"}
		s.claim = &queue.Claim{Lease: queue.Lease{Attempt: a}}
		s.claim.Ahead = true
		q.ClaimJob(t.Context(), queue.Session{Pool: "gpu"}, true, now)
		now = now.Add(20 * time.Second)
		if start {
			q.StartAttempt(t.Context(), a, now)
			q.StartAttempt(t.Context(), a, now)
		}
		now = now.Add(2 * time.Second)
		s.out = queue.Outcome{State: settee.Pending}
		q.EndAttempt(t.Context(), a, queue.End{Ending: queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}}, now)
	}
	has(t, scrape(t, m),
		`settee_job_wait_seconds_bucket{pool="gpu",le="10"} 0`,
		`settee_job_wait_seconds_count{pool="gpu"} 1`,
		`settee_job_stage_seconds_sum{stage="run"} 2`,
		`settee_jobs_returned_total{pool="gpu",reason="drained"} 2`)
}

func TestAFailedUnitIsNoJob(t *testing.T) {
	m := metrics.New("")
	q := m.Queue(&store{err: errors.New("disk full")}, time.Now)
	q.SubmitJob(t.Context(), "", queue.Submission{}, nil, time.Now())
	q.EndAttempt(t.Context(), queue.Attempt{}, queue.End{}, time.Now())
	text := scrape(t, m)
	has(t, text, `settee_jobs_submitted_total 0`, `settee_job_stage_seconds_count{stage="submit"} 0`,
		`settee_job_stage_seconds_count{stage="finish"} 0`)
	if strings.Contains(text, "settee_jobs_ended_total{") {
		t.Error("a job ended whose unit failed")
	}
}

func TestRequestsAndCommits(t *testing.T) {
	m := metrics.New("")
	m.Served("GET", "/api/job/{job_id}/status", 200, 3*time.Millisecond)
	m.Served("GET", "/api/job/{job_id}/status", 404, time.Millisecond)
	m.Served("BREW", "unknown", 405, time.Millisecond)
	m.Served("GET", "/ws", 0, time.Millisecond)
	m.Committed(12, 2*time.Millisecond, nil)
	m.Committed(1, time.Second, errors.New("no"))
	has(t, scrape(t, m),
		`settee_http_requests_total{method="GET",path="/api/job/{job_id}/status",status="2xx"} 1`,
		`settee_http_requests_total{method="GET",path="/api/job/{job_id}/status",status="4xx"} 1`,
		`settee_http_requests_total{method="other",path="unknown",status="4xx"} 1`,
		`settee_http_requests_total{method="GET",path="/ws",status="1xx"} 1`,
		`settee_store_commit_seconds_count{result="ok"} 1`,
		`settee_store_commit_seconds_count{result="failed"} 1`,
		`settee_store_batch_units_sum 13`)
}

type house struct{ err error }

func (house) Listeners() (int, int) { return 3, 2 }
func (h house) Load(context.Context, time.Time) (pool.Load, error) {
	return pool.Load{Workers: map[string]int{"native": 2}, Running: map[string]int{"native": 1},
		Waiting: map[string]int{"gpu+native": 7}, Known: map[pool.Known]int{{Pool: "gpu", Status: "out"}: 1}}, h.err
}

func TestWhatIsNow(t *testing.T) {
	m := metrics.New("")
	m.Watch(house{}, house{}, time.Now)
	has(t, scrape(t, m), `settee_live_sockets 3`, `settee_live_accounts 2`, `settee_pool_workers{pool="native"} 2`,
		`settee_pool_jobs_running{pool="native"} 1`, `settee_lane_jobs_waiting{lane="gpu+native"} 7`,
		`settee_workers{pool="gpu",status="out"} 1`)

	m = metrics.New("")
	m.Watch(house{}, house{err: errors.New("no database")}, time.Now)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 500 {
		t.Errorf("a scrape without the database answers %d", w.Code)
	}
}
