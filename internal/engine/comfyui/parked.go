package comfyui

import (
	"context"

	"github.com/google/uuid"
)

// connect gives a socket for one prompt: one that an earlier prompt has left in
// order, which saves a greeting, else a new one. reused tells which.
func (e *Engine) connect(ctx context.Context) (s *socket, reused bool, err error) {
	for {
		e.mu.Lock()
		n := len(e.parked)
		if n == 0 {
			e.mu.Unlock()
			break
		}
		s, e.parked = e.parked[n-1], e.parked[:n-1]
		e.mu.Unlock()
		if s.url == e.server.url() && s.wake() {
			return s, true, nil
		}
		s.close()
	}
	s, err = e.dial(ctx, uuid.NewString())
	return s, false, err
}

// park keeps a socket for the next prompt.
func (e *Engine) park(s *socket) {
	s.mu.Lock()
	s.idle, s.queue, s.size, s.ended = true, nil, 0, nil
	lost := s.lost
	s.mu.Unlock()
	e.mu.Lock()
	full := lost || e.closed || len(e.parked) >= e.opt.Depth
	if !full {
		e.parked = append(e.parked, s)
	}
	e.mu.Unlock()
	if full {
		s.close()
	}
}

// wake lets an idle socket listen again; false when it has ended meanwhile.
func (s *socket) wake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = false
	return !s.lost
}

// onEnd calls f, which does not wait, when the end of a prompt is heard: before
// its turn in the queue.
func (s *socket) onEnd(id string, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.ended = []byte(id), f
}
