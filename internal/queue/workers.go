package queue

import (
	"context"

	"github.com/settee/settee"
)

// Workers lists the workers by name.
func (s *Service) Workers(ctx context.Context) ([]settee.Worker, error) {
	return s.store.Workers(ctx, s.opt.Now())
}

// Drain has a worker take no new jobs, or take them again; what it runs goes
// on. Fault CodeNotFound.
func (s *Service) Drain(ctx context.Context, name string, drained bool) (settee.Worker, error) {
	w, err := s.store.DrainWorker(ctx, name, drained, s.opt.Now())
	if err == nil && !drained {
		s.hint(ctx, Lane(w.Pool))
	}
	return w, err
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
