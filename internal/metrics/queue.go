package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// Stages of a job.
const (
	admit   = "admit"
	submit  = "submit"
	claim   = "claim"
	start   = "start"
	run     = "run"
	store   = "store"
	execute = "execute"
	finish  = "finish"
)

// Queue is s, with its units counted and timed.
func (m *Metrics) Queue(s queue.Store, now func() time.Time) queue.Store {
	return &queueStore{Store: s, m: m, now: now, held: map[queue.Attempt]lease{}}
}

type queueStore struct {
	queue.Store
	m   *Metrics
	now func() time.Time

	mu   sync.Mutex
	held map[queue.Attempt]lease // claimed here and not ended yet
}

// lease is what is remembered of an attempt while it lasts.
type lease struct {
	pool    string
	ahead   bool      // it has not started
	started time.Time // or was claimed
}

// timed runs a unit and tells how long it took when it was done.
func (s *queueStore) timed(stage string, unit func() error) error {
	began := s.now()
	err := unit()
	if err == nil {
		s.m.stage.WithLabelValues(stage).Observe(s.now().Sub(began).Seconds())
	}
	return err
}

// SubmitJob has the claim that goes along in its own time.
func (s *queueStore) SubmitJob(ctx context.Context, id string, sub queue.Submission, idle *queue.Idle, now time.Time) (done queue.Submitted, err error) {
	err = s.timed(submit, func() error {
		done, err = s.Store.SubmitJob(ctx, id, sub, idle, now)
		return err
	})
	if err != nil {
		return done, err
	}
	s.m.submitted.Inc()
	if done.Claim != nil {
		s.claimed(done.Claim, idle.Session, now)
	}
	return done, nil
}

func (s *queueStore) ClaimJob(ctx context.Context, ses queue.Session, ahead bool, now time.Time) (*queue.Claim, error) {
	began := s.now()
	c, err := s.Store.ClaimJob(ctx, ses, ahead, now)
	if c == nil || err != nil {
		return c, err
	}
	s.m.stage.WithLabelValues(claim).Observe(s.now().Sub(began).Seconds())
	s.claimed(c, ses, now)
	return c, nil
}

func (s *queueStore) claimed(c *queue.Claim, ses queue.Session, now time.Time) {
	s.mu.Lock()
	s.held[c.Attempt] = lease{pool: ses.Pool, ahead: c.Ahead, started: s.now()}
	s.mu.Unlock()
	if !c.Ahead {
		s.waited(c.Attempt, ses.Pool, now)
	}
}

// StartAttempt counts from when a job runs that was claimed ahead.
func (s *queueStore) StartAttempt(ctx context.Context, a queue.Attempt, now time.Time) (started queue.Started, err error) {
	err = s.timed(start, func() error {
		started, err = s.Store.StartAttempt(ctx, a, now)
		return err
	})
	if err != nil {
		s.end(a, err)
		return started, err
	}
	s.mu.Lock()
	l, known := s.held[a]
	first := known && l.ahead
	if first {
		l.ahead, l.started = false, s.now()
		s.held[a] = l
	}
	s.mu.Unlock()
	if first {
		s.waited(a, l.pool, now)
	}
	return started, nil
}

// waited tells how long a job waited for its first start.
func (s *queueStore) waited(a queue.Attempt, pool string, now time.Time) {
	if waited, ok := since(a.JobID, now); ok && a.N == 1 {
		s.m.wait.WithLabelValues(pool).Observe(waited.Seconds())
	}
}

// since is how old a job is, by its id, which begins with the time it was
// made at.
func since(id string, now time.Time) (time.Duration, bool) {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return 0, false
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return max(now.Sub(time.UnixMilli(ms)), 0), true
}

func (s *queueStore) ExecuteNode(ctx context.Context, a queue.Attempt, x engine.Executed, notes []record.Note, at int, now time.Time) (done queue.Executed, err error) {
	err = s.timed(execute, func() error {
		done, err = s.Store.ExecuteNode(ctx, a, x, notes, at, now)
		return err
	})
	return done, err
}

func (s *queueStore) EndAttempt(ctx context.Context, a queue.Attempt, e queue.End, now time.Time) (out queue.Outcome, err error) {
	reported := s.now()
	err = s.timed(finish, func() error {
		out, err = s.Store.EndAttempt(ctx, a, e, now)
		return err
	})
	l, known := s.end(a, err)
	if err != nil {
		return out, err
	}
	pool := "unknown" // claimed on another server, or before this start
	if known {
		pool = l.pool
		if !l.ahead {
			s.m.stage.WithLabelValues(run).Observe(reported.Sub(l.started).Seconds())
		}
	}
	if out.State == settee.Pending {
		s.m.returned.WithLabelValues(pool, string(e.Reason)).Inc()
	} else {
		s.m.ended.WithLabelValues(pool, string(out.State), string(e.Reason)).Inc()
	}
	return out, nil
}

// end forgets an attempt that is over.
func (s *queueStore) end(a queue.Attempt, err error) (lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, known := s.held[a]
	if err == nil || settee.CodeOf(err) == settee.CodeLeaseLost {
		delete(s.held, a)
	}
	return l, known
}
