package queue

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/settee/settee"
)

// Session finds a session that is not closed; Fault CodeLeaseLost.
func (s *Service) Session(ctx context.Context, id string) (Session, error) {
	return s.store.OpenedSession(ctx, id)
}

// Lease is how long a session lives without a renewal.
func (s *Service) Lease() time.Duration { return s.opt.Lease }

// HeldBy are the attempts that a session holds.
func (s *Service) HeldBy(ctx context.Context, ses Session) ([]Held, error) {
	return s.store.SessionAttempts(ctx, ses.ID)
}

// Input finds an input of a job that a session holds, by its hash; Fault
// CodeNotFound.
func (s *Service) Input(ctx context.Context, ses Session, hash string) (settee.Blob, error) {
	return known(s.store.SessionInput(ctx, ses.ID, hash))
}

// File finds a file of an account that a session holds a job of, by its hash;
// Fault CodeNotFound.
func (s *Service) File(ctx context.Context, ses Session, hash string) (settee.Blob, error) {
	return known(s.store.SessionFile(ctx, ses.ID, hash))
}

func known(b settee.Blob, err error) (settee.Blob, error) {
	if err == nil && b.Hash == "" {
		err = settee.Faultf(settee.CodeNotFound, "No job that this worker holds has such a file.")
	}
	return b, err
}

// GiveBack puts back what a session was given at least age ago and is not among
// known: the answers to its claims were lost, and nobody runs these. It is not
// counted against the jobs.
func (s *Service) GiveBack(ctx context.Context, ses Session, known []Attempt, age time.Duration) error {
	held, err := s.store.SessionAttempts(ctx, ses.ID)
	if err != nil {
		return err
	}
	var (
		errs   []error
		before = s.opt.Now().Add(-age)
	)
	for _, h := range held {
		if h.ClaimedAt.After(before) || slices.Contains(known, h.Attempt) {
			continue
		}
		s.opt.Log.Warn("a worker never heard of a job that it was given", "job", h.JobID, "session", ses.ID)
		err := s.end(ctx, h.Attempt, End{Ending: Ending{State: settee.Pending, Reason: settee.ReasonDrained}})
		if settee.CodeOf(err) != settee.CodeLeaseLost {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
