package queue

import (
	"context"
	"fmt"

	"github.com/settee/settee"
)

// Workers lists the workers by name.
func (s *Service) Workers(ctx context.Context) ([]settee.Worker, error) {
	return s.store.Workers(ctx, s.opt.Now())
}

// Drain has a worker take no new jobs, or take them again, also one that is out;
// what it runs goes on, what lies ahead there waits again. Fault CodeNotFound.
func (s *Service) Drain(ctx context.Context, name string, drained bool) (settee.Worker, error) {
	w, revoked, err := s.store.DrainWorker(ctx, name, drained, s.opt.Now())
	if err != nil {
		return w, err
	}
	s.revoked(ctx, revoked)
	if !drained {
		s.hint(ctx, Lane(w.Pool))
	}
	return w, nil
}

// RemoveWorker ends a worker's sessions, puts back what they held without
// counting it against the jobs, and forgets the worker. Fault CodeNotFound.
func (s *Service) RemoveWorker(ctx context.Context, name string) error {
	sessions, err := s.store.CloseWorker(ctx, name, s.opt.Now())
	if err != nil {
		return err
	}
	for _, id := range sessions {
		s.forgetSession(id)
		s.order(ctx, id)
	}
	if err := s.reapOrphans(ctx); err != nil {
		return err
	}
	return s.store.DeleteWorker(ctx, name)
}

// tend lets workers in that nobody is left to replace.
func (s *Service) tend(ctx context.Context) error {
	back, err := s.store.TendWorkers(ctx, s.opt.Now())
	if err != nil {
		return fmt.Errorf("tend the workers: %w", err)
	}
	s.tell(back)
	for _, b := range back {
		s.hint(ctx, Lane(b.Pool))
	}
	return nil
}

// tell logs, once, that workers were taken out or let in.
func (s *Service) tell(moved []Standing) {
	for _, m := range moved {
		if m.Out {
			s.opt.Log.Warn("worker is taken out", "worker", m.Worker, "pool", m.Pool, "reason", m.Reason, "probe", m.ProbeAt)
		} else {
			s.opt.Log.Info("worker is back in", "worker", m.Worker, "pool", m.Pool, "reason", m.Reason)
		}
	}
}
