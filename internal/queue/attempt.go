package queue

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

// attempt is what this server remembers of an attempt in progress. Its mutex
// keeps what is published for it in order.
type attempt struct {
	Held
	stale   atomic.Bool // look whether it is still held before believing it
	used    atomic.Bool // since the reaper last looked
	mu      sync.Mutex
	seq     int           // newest durable event
	pending []record.Note // shown, not written yet
}

func (s *Service) hold(h Held) *attempt {
	a := &attempt{Held: h, seq: FirstSeq(h.Seq, h.N)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.attempts[h.Attempt]; ok && known.StartedAt.IsZero() == h.StartedAt.IsZero() {
		return known
	}
	s.attempts[h.Attempt] = a
	return a
}

func (s *Service) forget(a Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attempts, a)
}

// attemptsOf are a session's attempts, in the order their mutexes are taken.
func (s *Service) attemptsOf(sessionID string) []*attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var held []*attempt
	for a, h := range s.attempts {
		if a.SessionID == sessionID {
			held = append(held, h)
		}
	}
	slices.SortFunc(held, func(x, y *attempt) int { return strings.Compare(x.JobID, y.JobID) })
	return held
}

// unwritten are the notes of the account's attempts that were shown but may not
// be written yet, by job. It must be asked before the store.
func (s *Service) unwritten(accountID string) map[string]record.Unwritten {
	all := map[string]record.Unwritten{}
	s.mu.Lock()
	var held []*attempt
	for _, a := range s.attempts {
		if a.AccountID == accountID {
			held = append(held, a)
		}
	}
	s.mu.Unlock()
	for _, a := range held {
		a.mu.Lock()
		all[a.JobID] = record.Unwritten{Attempt: a.N, Notes: slices.Clone(a.pending)}
		a.mu.Unlock()
	}
	return all
}

// prune forgets attempts that ended on another server. Those that nobody used
// lately are looked up, one at a time.
func (s *Service) prune(ctx context.Context) error {
	s.mu.Lock()
	var idle []Attempt
	for a, held := range s.attempts {
		if !held.used.Swap(false) {
			idle = append(idle, a)
		}
	}
	s.mu.Unlock()
	for _, a := range idle {
		_, err := s.store.HeldAttempt(ctx, a)
		s.lost(a, err)
		if err != nil && settee.CodeOf(err) != settee.CodeLeaseLost {
			return err
		}
	}
	return nil
}

// held finds an attempt, or a Fault CodeLeaseLost when it is over.
func (s *Service) held(ctx context.Context, a Attempt) (*attempt, error) {
	s.mu.Lock()
	known := s.attempts[a]
	s.mu.Unlock()
	if known != nil {
		known.used.Store(true)
		if !known.stale.Load() && !known.StartedAt.IsZero() {
			return known, nil
		}
	}
	h, err := s.store.HeldAttempt(ctx, a)
	if err != nil {
		s.lost(a, err)
		return nil, err
	}
	known = s.hold(h)
	known.stale.Store(false)
	return known, nil
}

// started is held for what only an attempt that has started may do.
func (s *Service) started(ctx context.Context, a Attempt) (*attempt, error) {
	held, err := s.held(ctx, a)
	if err == nil && held.StartedAt.IsZero() {
		err = ErrNotStarted
	}
	return held, err
}

// lost forgets an attempt when err says that it is over.
func (s *Service) lost(a Attempt, err error) {
	if settee.CodeOf(err) == settee.CodeLeaseLost {
		s.forget(a)
	}
}

var tooManyEvents = settee.Faultf(settee.CodeInvalid, "an attempt has at most %d durable events", span-2)

// Report passes an attempt's events and previews on, in order. execution_start
// and execution_cached are durable: they are written with the attempt's next
// unit. Endings and executed are not taken here. A durable frame with a Seq is
// numbered by its worker (see Gap).
func (s *Service) Report(ctx context.Context, a Attempt, frames []settee.Frame) error {
	held, err := s.started(ctx, a)
	if err != nil {
		return err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	for _, in := range frames {
		f := held.told(in)
		if f.Data != nil && !json.Valid(f.Data) {
			return settee.Faultf(settee.CodeInvalid, "the data of %s is not JSON", f.Type)
		}
		switch f.Type {
		case settee.EventStart, settee.EventCached:
			if told, err := s.told(ctx, held, in.Seq); err != nil {
				return err
			} else if told {
				continue
			}
			if held.seq-held.base() >= span-2 {
				return tooManyEvents
			}
			f.Data = record.Stamp(f.Data, s.opt.Now())
			held.seq++
			f.Seq = held.seq
			held.pending = append(held.pending, record.Note{Seq: held.seq, Event: settee.Event{Type: f.Type, Data: f.Data}})
		case settee.EventExecuted, settee.EventSuccess, settee.EventInterrupted, settee.EventStatus:
			return settee.Faultf(settee.CodeInvalid, "%s is not reported", f.Type)
		}
		s.publish(ctx, f)
	}
	return nil
}

// Execute names a node's files, attaches them to the job, and sends executed.
// It answers the output with its final names.
func (s *Service) Execute(ctx context.Context, a Attempt, x engine.Executed) (json.RawMessage, error) {
	return s.ExecuteAs(ctx, a, 0, x)
}

// ExecuteAs is Execute for a worker that numbers its durable events (see Gap):
// the call may be made again and is done once.
func (s *Service) ExecuteAs(ctx context.Context, a Attempt, number int, x engine.Executed) (json.RawMessage, error) {
	if err := record.CheckExecuted(x); err != nil {
		return nil, err
	}
	held, err := s.started(ctx, a)
	if err != nil {
		return nil, err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	at := held.seq + 1
	told, err := s.told(ctx, held, number)
	if err != nil {
		return nil, err
	}
	if told {
		at = held.base() + number
	}
	if at-held.base() >= span-1 {
		return nil, tooManyEvents
	}
	done, err := s.store.ExecuteNode(ctx, a, x, held.pending, at, s.opt.Now())
	if err != nil {
		s.lost(a, err)
		return nil, err
	}
	if told {
		if done.Note.Seq != at {
			return nil, settee.Faultf(settee.CodeConflict, "event %d of the attempt is another", number)
		}
		return done.Output, nil
	}
	held.pending, held.seq = nil, done.Note.Seq
	s.publishExecuted(ctx, held.Held, x, done)
	return done.Output, nil
}
