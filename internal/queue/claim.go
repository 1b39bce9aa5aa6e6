package queue

import (
	"context"
	"errors"
	"time"
)

// ErrBenched says that a session's worker takes no jobs now: it is drained, or
// out.
var ErrBenched = errors.New("the worker takes no jobs now")

// Claim waits for a job that the session's worker can run and leases it. When ctx
// ends first it returns nil and ctx.Err(). Fault CodeLeaseLost: the session is
// over. Nothing may be told of the job before the lease's Grant is given.
//
// A claim ahead is for a worker that runs another job and will soon have ended
// it. It does not wait, and is nil when there is nothing or when another worker of
// its variant has nothing to do. Its job counts as the account's running ones do, but
// stays pending and costs nothing until Start, and can be taken back until then.
func (s *Service) Claim(ctx context.Context, ses Session, ahead bool) (*Lease, error) {
	if ahead {
		s.mu.Lock()
		others := len(s.idle[ses.variant()])
		s.mu.Unlock()
		if others > 0 {
			return nil, nil
		}
		l, err := s.claim(ctx, ses, true)
		if errors.Is(err, ErrBenched) {
			err = nil
		}
		return l, err
	}
	hint, leave := s.heed(ses.variant())
	// One hint may stand for many jobs, and this claim may have taken a hint and
	// not followed it: the next in line looks too.
	defer leave()
	poll := time.NewTicker(s.opt.Poll)
	defer poll.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var me *seeker // hears of jobs that are submitted now
		heard := hint
		l, err := s.claim(ctx, ses, false)
		switch {
		case errors.Is(err, ErrBenched): // hints are for those who can follow them
			wake(hint)
			heard = nil
		case l != nil || err != nil:
			return l, err
		default:
			me = s.seek(ses)
		}
		switch b := s.await(ctx, me, heard, poll.C); {
		case b.err != nil:
			return nil, b.err
		case b.Claim != nil:
			return &b.Claim.Lease, nil
		}
	}
}

// claim looks once.
func (s *Service) claim(ctx context.Context, ses Session, ahead bool) (*Lease, error) {
	now := s.opt.Now()
	c, err := s.store.ClaimJob(ctx, ses, ahead, now)
	if c == nil || err != nil {
		return nil, err
	}
	return s.leased(ctx, c, now), nil
}

// leased remembers a lease that was just given, and shows it.
func (s *Service) leased(ctx context.Context, c *Claim, now time.Time) *Lease {
	s.revoked(ctx, c.Revoked)
	h := Held{Attempt: c.Attempt, AccountID: c.AccountID, PromptID: c.PromptID, ClientID: c.ClientID,
		ClaimedAt: now, Deadline: c.Deadline, Seq: c.Seq}
	if !c.Ahead {
		h.StartedAt = now
	}
	s.hold(h)
	if !c.Ahead {
		s.publishStatus(ctx, c.AccountID, c.Counts)
	}
	return &c.Lease
}

// Start starts a job that was claimed ahead, and says when it must have ended
// (zero: no cap). Fault CodeLeaseLost: it was taken back, or cancelled. A job that
// has started is not started again.
func (s *Service) Start(ctx context.Context, a Attempt) (deadline time.Time, err error) {
	now := s.opt.Now()
	c, err := s.store.StartAttempt(ctx, a, now)
	if err != nil {
		s.lost(a, err)
		return time.Time{}, err
	}
	s.hold(Held{Attempt: a, AccountID: c.AccountID, PromptID: c.PromptID, ClientID: c.ClientID,
		ClaimedAt: now, StartedAt: now, Deadline: c.Deadline, Seq: c.Seq})
	s.publishStatus(ctx, c.AccountID, c.Counts)
	return c.Deadline, nil
}

// revoked tells the workers that have jobs no more, and those that may have them
// now.
func (s *Service) revoked(ctx context.Context, all []Revoked) {
	for _, r := range all {
		s.forget(r.Attempt)
		s.order(ctx, r.SessionID)
		s.hint(ctx, r.Lane)
	}
}
