package client

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// Renew extends the lease and waits for what must stop. Once the lease has
// passed without a renewal the session is over.
func (k *Coordinator) Renew(ctx context.Context, ses queue.Session) ([]queue.Order, error) {
	s, err := k.of(ses.ID)
	if err != nil {
		return nil, err
	}
	var out wire.Orders
	err = k.steadily(ctx, s, func(ctx context.Context) error {
		out = wire.Orders{}
		if s.version < 4 {
			return k.renew(ctx, s, s.lease/3+min(5*time.Second, s.lease/3), wire.Renew{Holding: s.holding()}, &out)
		}
		// What waits says too late that it came through: on a network that breaks
		// before, most of the lease would be over for all that is known here.
		if err := k.renew(ctx, s, max(s.left()/2, s.lease/6), wire.Renew{AtOnce: true}, &out); err != nil {
			return err
		}
		return k.renew(ctx, s, s.lease/2, wire.Renew{Holding: s.holding()}, &out)
	})
	switch settee.CodeOf(err) {
	case settee.CodeLeaseLost, settee.CodeUnauthorized, settee.CodeForbidden:
		s.cancel()
		return nil, &settee.Fault{Code: settee.CodeLeaseLost, Message: "the session is over", Err: err}
	}
	if err != nil {
		return nil, err
	}
	for _, account := range out.Forget {
		if k.forget != nil {
			k.forget(account)
		}
	}
	orders := make([]queue.Order, len(out.Orders))
	for i, o := range out.Orders {
		orders[i] = queue.Order{Attempt: queue.Attempt{JobID: o.Job, N: o.N, SessionID: s.ID}, Reason: o.Reason}
	}
	return orders, nil
}

// renew makes one renewal. One that is not answered in time has whatever follows
// asked over new connections: the old ones may be dead without saying so.
func (k *Coordinator) renew(ctx context.Context, s *session, within time.Duration, in wire.Renew, out *wire.Orders) error {
	began := time.Now()
	err := k.post(ctx, within, s.path()+"/renew", in, out)
	switch {
	case err == nil:
		s.renewed(began)
	case passing(err) && ctx.Err() == nil:
		s.unreached()
		k.client.CloseIdle()
	}
	return err
}

// left is how long the lease holds at least.
func (s *session) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.until)
}

func (s *session) holding() []wire.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]wire.Attempt, 0, len(s.trails))
	for a := range s.trails {
		all = append(all, wire.Attempt{Job: a.JobID, N: a.N})
	}
	return all
}

// renewed says that the server extended the lease not before then.
func (s *session) renewed(then time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = then.Add(s.lease)
}

// unreached has waiting claims ask on a new connection.
func (s *session) unreached() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.trouble)
	s.trouble = make(chan struct{})
}
