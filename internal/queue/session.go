package queue

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/workflow"
)

// session is what this server remembers of a worker's session.
type session struct {
	wake  chan struct{}
	given map[Order]bool // orders that the worker has heard
}

// standing is how soon an order that the worker has heard is given again.
const standing = 500 * time.Millisecond

// Open announces an engine of this process and starts a session in a pool.
func (s *Service) Open(ctx context.Context, worker, pool string, d settee.Description) (Session, error) {
	if err := s.takeOver(ctx); err != nil {
		return Session{}, err
	}
	return s.open(ctx, Session{Pool: pool, Boot: s.opt.Boot}, worker, d)
}

// OpenFor is Open for a worker elsewhere that a token lets in; its session
// outlives this process. Faults: CodeConflict when the name is that of another
// token's worker, CodeQueueFull when the token has too many workers or the
// worker too many sessions.
func (s *Service) OpenFor(ctx context.Context, keyID, worker, pool string, d settee.Description) (Session, error) {
	return s.open(ctx, Session{Pool: pool, KeyID: keyID}, worker, d)
}

func (s *Service) open(ctx context.Context, ses Session, worker string, d settee.Description) (Session, error) {
	now := s.opt.Now()
	ses.ID, ses.WorkerID, ses.Depth = settee.NewID(), settee.NewID(), max(d.Depth, 1)
	ses.Nodes = workflow.Hash(d.Definitions)
	o := Opening{
		Session:     ses,
		Worker:      worker,
		Description: d,
		Until:       now.Add(s.opt.Lease),
	}
	var err error
	if o.WorkerID, err = s.store.OpenSession(ctx, o, now); err != nil {
		return Session{}, err
	}
	return o.Session, nil
}

// Renew extends a session's lease, then waits until something must stop or a
// third of the lease has passed, and says what must stop. An order is given
// again until its attempt has ended. Fault CodeLeaseLost: the session is over.
func (s *Service) Renew(ctx context.Context, ses Session) ([]Order, error) {
	now := s.opt.Now()
	woken := s.sessionOf(ses.ID).wake // before looking: what comes later wakes
	if err := s.renew(ctx, ses.ID, now); err != nil {
		return nil, err
	}
	held, orders, news, err := s.orders(ctx, ses.ID, now)
	if news || err != nil {
		return orders, err
	}
	wait := s.opt.Lease / 3
	if len(orders) > 0 {
		wait = min(wait, standing)
	}
	for _, h := range held {
		if !h.Deadline.IsZero() && h.Deadline.After(now) {
			wait = min(wait, h.Deadline.Sub(now))
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-woken:
	case <-timer.C:
	}
	_, orders, _, err = s.orders(ctx, ses.ID, s.opt.Now())
	return orders, err
}

// Extend extends a session's lease, as Renew does, and waits for nothing.
func (s *Service) Extend(ctx context.Context, ses Session) error {
	return s.renew(ctx, ses.ID, s.opt.Now())
}

// renew extends the lease and writes down what the session's attempts reported.
func (s *Service) renew(ctx context.Context, id string, now time.Time) error {
	held := s.attemptsOf(id)
	notes := map[Attempt][]record.Note{}
	for _, a := range held {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.pending) > 0 {
			notes[a.Attempt] = a.pending
		}
	}
	err := s.store.RenewSession(ctx, id, now.Add(s.opt.Lease), now, notes)
	switch {
	case settee.CodeOf(err) == settee.CodeLeaseLost:
		s.forgetSession(id)
	case err == nil:
		for _, a := range held {
			a.pending = nil
		}
	}
	return err
}

// orders says what a session holds, what of it must stop, and whether any of
// that is news to the worker. Of what was taken from it before it had started the
// worker is told once: it cannot start it, whether it hears or not.
func (s *Service) orders(ctx context.Context, id string, now time.Time) (held []Held, orders []Order, news bool, err error) {
	if held, err = s.store.SessionAttempts(ctx, id); err != nil {
		return nil, nil, false, err
	}
	dropped, err := s.store.DroppedAttempts(ctx, id, now.Add(-s.opt.Lease))
	if err != nil {
		return nil, nil, false, err
	}
	for _, h := range held {
		switch {
		case h.CancelRequested:
			orders = append(orders, Order{h.Attempt, settee.ReasonUser})
		case !h.Deadline.IsZero() && !now.Before(h.Deadline):
			orders = append(orders, Order{h.Attempt, settee.ReasonTimeout})
		}
	}
	ses := s.sessionOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	given := ses.given
	ses.given = make(map[Order]bool, len(orders)+len(dropped))
	for _, o := range orders {
		news = news || !given[o]
		ses.given[o] = true
	}
	for _, o := range dropped {
		if !given[o] {
			orders, news = append(orders, o), true
		}
		ses.given[o] = true
	}
	return held, orders, news, nil
}

// Close ends a session; what it still held goes back to the queue and is not
// counted against its jobs.
func (s *Service) Close(ctx context.Context, ses Session) error {
	if err := s.store.CloseSession(ctx, ses.ID, settee.ReasonDrained, s.opt.Now()); err != nil {
		return err
	}
	s.forgetSession(ses.ID)
	return s.reapOrphans(ctx)
}

// sessionOf is what is remembered of a session, made when it is not.
func (s *Service) sessionOf(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses, ok := s.sessions[id]
	if !ok {
		ses = &session{wake: make(chan struct{}, 1)}
		s.sessions[id] = ses
	}
	return ses
}

// wakeSession makes a waiting Renew look, and the next report of each of the
// session's attempts check that it is still held.
func (s *Service) wakeSession(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses, ok := s.sessions[id]; ok {
		wake(ses.wake)
	}
	for a, held := range s.attempts {
		if a.SessionID == id {
			held.stale.Store(true)
		}
	}
}

// order tells a session's worker that something must stop, wherever it waits.
func (s *Service) order(ctx context.Context, id string) {
	s.wakeSession(id)
	s.send(ctx, bus.Orders, []byte(id))
}

func (s *Service) forgetSession(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses, ok := s.sessions[id]; ok {
		wake(ses.wake)
		delete(s.sessions, id)
	}
	for a := range s.attempts {
		if a.SessionID == id {
			delete(s.attempts, a)
		}
	}
}
