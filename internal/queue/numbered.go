package queue

import (
	"context"
	"fmt"

	"github.com/settee/settee"
)

// Gap says that an attempt's durable events were not all told: its worker must
// tell those after Told first.
//
// A worker that speaks to servers over a network numbers the durable events of
// an attempt from 1. A number that was told is not told again, so that a call
// whose answer was lost can be repeated; and a server that has forgotten what
// was not written down yet, because it was started again or is another one, says
// what is missing.
type Gap struct{ Told int }

func (g *Gap) Error() string {
	return fmt.Sprintf("the attempt's events are known up to %d only", g.Told)
}

// base is the Seq before the attempt's first.
func (h Held) base() int { return FirstSeq(0, h.N) }

// Told is how many of an attempt's durable events are known here.
func (s *Service) Told(ctx context.Context, a Attempt) (int, error) {
	held, err := s.held(ctx, a)
	if err != nil {
		return 0, err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	return held.seq - held.base(), nil
}

// Expect is a *Gap unless all of the attempt's first durable events are known.
func (s *Service) Expect(ctx context.Context, a Attempt, events int) error {
	held, err := s.held(ctx, a)
	if err != nil {
		return err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	_, err = s.told(ctx, held, events+1)
	return err
}

// told reports whether the event of that number was told; *Gap when one before
// it was not. The caller holds held.mu. Events without a number come from this
// process and are told once.
func (s *Service) told(ctx context.Context, held *attempt, number int) (bool, error) {
	at := held.base() + number
	switch {
	case number < 0 || number >= span:
		return false, settee.Faultf(settee.CodeInvalid, "an event's number is from 1 to %d", span-1)
	case number == 0 || at == held.seq+1:
		return false, nil
	case at <= held.seq:
		return true, nil
	}
	// Another server may have written what is missing here.
	h, err := s.store.HeldAttempt(ctx, held.Attempt)
	if err != nil {
		s.lost(held.Attempt, err)
		return false, err
	}
	held.seq = max(held.seq, h.Seq)
	for len(held.pending) > 0 && held.pending[0].Seq <= h.Seq {
		held.pending = held.pending[1:]
	}
	switch {
	case at <= held.seq:
		return true, nil
	case at > held.seq+1:
		return false, &Gap{Told: held.seq - held.base()}
	}
	return false, nil
}

// Held is an attempt in progress; Fault CodeLeaseLost when it is over.
func (s *Service) Held(ctx context.Context, a Attempt) (Held, error) {
	held, err := s.held(ctx, a)
	if err != nil {
		return Held{}, err
	}
	return held.Held, nil
}
