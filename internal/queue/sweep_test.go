package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
)

// lanes is how many lanes of some variants claims have to look at.
func (s *shop) lanes() (n int) {
	s.t.Helper()
	err := s.db.Read(s.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COUNT(DISTINCT lane) FROM lane_variants`).Scan(&n)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// keep has a session live for a year.
func (s *shop) keep(ses queue.Session) queue.Session {
	s.t.Helper()
	now := s.clock.Now()
	if err := s.db.RenewSession(s.t.Context(), ses.ID, now.AddDate(1, 0, 0), now, nil); err != nil {
		s.t.Fatal(err)
	}
	return ses
}

// Lanes in which nobody waits are dropped after a while. Jobs that wait, that come
// back from a worker or that need the same later run all the same.
func TestEmptyLanesAreDropped(t *testing.T) {
	shops(t, func(t *testing.T, s *shop) {
		one, two := s.keep(s.come("one", "red", "both")), s.keep(s.come("two", "blue", "both"))
		s.reap()
		s.asks("red", "red")
		s.asks("blue", "blue")
		s.does(one, "red")
		s.asks("both", "both")
		l := s.claim(one)
		s.reap()
		if n := s.lanes(); n != 3 {
			t.Errorf("%d lanes, want those of red, blue and both", n)
		}
		s.clock.Advance(time.Hour)
		s.reap()
		if n := s.lanes(); n != 1 {
			t.Errorf("%d lanes, want that of the job that waits", n)
		}
		s.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained})
		s.reap()
		s.does(one, "both")
		s.none(one)
		s.does(two, "blue")
		s.asks("red again", "red")
		s.none(two)
		s.does(one, "red again")
		s.consistent()
	})
}

// A job that enters a lane at the moment when it is dropped is not lost.
func TestLanesAreDroppedBesideSubmits(t *testing.T) {
	shops(t, func(t *testing.T, s *shop) {
		one := s.keep(s.come("one", "red"))
		s.keep(s.come("two", "blue"))
		done, over := make(chan struct{}), make(chan error, 1)
		go func() {
			for {
				select {
				case <-done:
					over <- nil
					return
				default:
				}
				s.clock.Advance(time.Hour)
				if err := s.Reap(t.Context()); err != nil {
					over <- err
					return
				}
			}
		}()
		for i := range 50 {
			s.asks(fmt.Sprint(i), "red")
			s.does(one, fmt.Sprint(i))
		}
		close(done)
		if err := <-over; err != nil {
			t.Error(err)
		}
		s.consistent()
	})
}
