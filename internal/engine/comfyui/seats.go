package comfyui

import (
	"context"
	"sync"

	"github.com/google/uuid"
)

// seats are taken while a prompt of ours is in ComfyUI.
type seats struct {
	mu    sync.Mutex
	taken int
	freed chan struct{} // closed when one is left; nil: nobody waits
}

// take waits until fewer than most are taken.
func (s *seats) take(ctx context.Context, most int) error {
	for {
		s.mu.Lock()
		if s.taken < most {
			s.taken++
			s.mu.Unlock()
			return nil
		}
		if s.freed == nil {
			s.freed = make(chan struct{})
		}
		freed := s.freed
		s.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *seats) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}

// room is how many prompts of ours may be in ComfyUI at once: one, unless it can
// cancel one of several exactly.
func (e *Engine) room(ctx context.Context) int {
	if e.opt.Depth == 1 {
		return 1
	}
	e.mu.Lock()
	route := e.cancels
	e.mu.Unlock()
	if route == cancelUnknown { // cancelling a prompt that is not there tells
		var err error
		if route, err = e.cancelRoute(ctx, uuid.NewString()); err != nil {
			return 1
		}
	}
	if route == cancelByJob || route == cancelByID {
		return e.opt.Depth
	}
	return 1
}
