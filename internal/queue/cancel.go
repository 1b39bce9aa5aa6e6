package queue

import (
	"context"
	"slices"
)

// Cancel cancels a job. One that waits is cancelled when Cancel returns, also
// when it lies ahead at a worker, which is told to drop it; for
// one that runs it is asked, and its worker told. False: it had ended. Fault
// CodeNotFound: the account has no such job.
func (s *Service) Cancel(ctx context.Context, accountID, promptID string) (bool, error) {
	done, err := s.CancelMany(ctx, accountID, []string{promptID})
	return len(done) > 0, err
}

// CancelMany is Cancel for several jobs: none is cancelled when one of them is
// not found. It answers those that had not ended.
func (s *Service) CancelMany(ctx context.Context, accountID string, promptIDs []string) ([]string, error) {
	return s.cancel(ctx, Cancellation{AccountID: accountID, PromptIDs: named(promptIDs), Pending: true, Running: true, Strict: true})
}

// Interrupt asks to cancel a running job of the account, or all of them when
// promptID is empty. A job that is unknown or does not run is left alone.
func (s *Service) Interrupt(ctx context.Context, accountID, promptID string) error {
	c := Cancellation{AccountID: accountID, Running: true}
	if promptID != "" {
		c.PromptIDs = []string{promptID}
	}
	_, err := s.cancel(ctx, c)
	return err
}

// DeletePending cancels those of the named jobs that wait, and answers them.
func (s *Service) DeletePending(ctx context.Context, accountID string, promptIDs []string) ([]string, error) {
	return s.cancel(ctx, Cancellation{AccountID: accountID, PromptIDs: named(promptIDs), Pending: true})
}

// ClearPending cancels all jobs of the account that wait, and answers them.
func (s *Service) ClearPending(ctx context.Context, accountID string) ([]string, error) {
	return s.cancel(ctx, Cancellation{AccountID: accountID, Pending: true})
}

func (s *Service) cancel(ctx context.Context, c Cancellation) ([]string, error) {
	done, err := s.store.CancelJobs(ctx, c, s.opt.Now())
	if err != nil {
		return nil, err
	}
	for _, o := range done.Endings {
		s.publishEnd(ctx, o)
	}
	if done.Ended > len(done.Endings) {
		s.publishStatus(ctx, c.AccountID, done.Counts)
	}
	for _, a := range done.Dropped {
		s.forget(a)
		done.Sessions = append(done.Sessions, a.SessionID)
	}
	slices.Sort(done.Sessions)
	for _, id := range slices.Compact(done.Sessions) {
		s.order(ctx, id)
	}
	return done.PromptIDs, nil
}

// HideHistory takes ended jobs out of what the account reads. Jobs that have
// not ended stay.
func (s *Service) HideHistory(ctx context.Context, accountID string, promptIDs []string) error {
	defer s.ForgetEndings()
	return s.store.HideJobs(ctx, accountID, named(promptIDs), s.opt.Now())
}

// ClearHistory takes all ended jobs out of what the account reads.
func (s *Service) ClearHistory(ctx context.Context, accountID string) error {
	defer s.ForgetEndings()
	return s.store.HideJobs(ctx, accountID, nil, s.opt.Now())
}

// named is a list that may be empty but does not mean all.
func named(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}
