package client

import (
	"context"
	"time"

	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// claimed is how long a claim waits at the server.
const claimed = 25 * time.Second

// Claim waits for a job until ctx ends, unless it is ahead. A claim whose answer is lost is simply
// made again: what it may have been given is missing in the next renewal, and
// the server puts it back.
func (k *Coordinator) Claim(ctx context.Context, ses queue.Session, ahead bool) (*queue.Lease, error) {
	s, err := k.of(ses.ID)
	if err != nil {
		return nil, err
	}
	in := wire.Claim{WaitMS: claimed.Milliseconds()}
	if ahead {
		if s.version < 2 {
			return nil, nil
		}
		in = wire.Claim{Ahead: true}
	}
	for {
		var lease *wire.Lease
		err := k.steadily(ctx, s, func(ctx context.Context) error {
			ctx, done := s.untilTrouble(ctx)
			defer done()
			lease = nil
			return k.post(ctx, claimed+10*time.Second, s.path()+"/claim", in, &lease)
		})
		switch {
		case err != nil:
			return nil, err
		case lease != nil:
			l := lease.Lease(s.ID, time.Now())
			if s.add(l.Attempt, lease.Watched) {
				return l, nil
			}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		if ahead {
			return nil, nil
		}
	}
}

// Start starts a job that was claimed ahead.
func (k *Coordinator) Start(ctx context.Context, a queue.Attempt) (time.Time, error) {
	s, _, err := k.trail(a)
	if err != nil {
		return time.Time{}, err
	}
	var out wire.Started
	err = k.steadily(ctx, s, func(ctx context.Context) error {
		out = wire.Started{}
		return k.post(ctx, answered, s.attempt(a)+"/start", struct{}{}, &out)
	})
	return out.Deadline(time.Now()), err
}

// untilTrouble ends when the server was not reached.
func (s *session) untilTrouble(ctx context.Context) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	ctx, done := context.WithCancel(ctx)
	go func() {
		select {
		case <-trouble:
		case <-s.ctx.Done():
		case <-ctx.Done():
		}
		done()
	}()
	return ctx, done
}

// add begins an attempt's trail; false: it is known already.
func (s *session) add(a queue.Attempt, watched bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trails[a] != nil {
		return false
	}
	s.trails[a] = &trail{watched: watched}
	return true
}

func (s *session) end(a queue.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.trails, a)
}
