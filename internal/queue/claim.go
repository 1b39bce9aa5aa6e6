package queue

import (
	"context"
	"time"
)

// Claim waits for a job that the session's pool can run and leases it. When ctx
// ends first it returns nil and ctx.Err(). Fault CodeLeaseLost: the session is
// over.
func (s *Service) Claim(ctx context.Context, ses Session) (*Lease, error) {
	hint := s.hintOf(ses.Pool)
	// One hint may stand for many jobs, and this claim may have taken a hint and
	// not followed it: the next in line looks too.
	defer wake(hint)
	poll := time.NewTicker(s.opt.Poll)
	defer poll.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := s.store.ClaimJob(ctx, ses, s.opt.Now())
		if err != nil {
			return nil, err
		}
		if c != nil {
			s.hold(Held{Attempt: c.Attempt, AccountID: c.AccountID, PromptID: c.PromptID, ClientID: c.ClientID,
				Deadline: c.Deadline, Seq: c.Seq})
			s.publishStatus(ctx, c.AccountID, c.Counts)
			return &c.Lease, nil
		}
		select {
		case <-ctx.Done():
		case <-hint:
		case <-poll.C:
		}
	}
}
