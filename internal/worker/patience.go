package worker

import (
	"context"
	"time"

	"github.com/settee/settee"
)

// patiently calls f until it gives another answer than CodeUnavailable, which
// says that nothing was done, or until the session is over: a job outlives a
// database or a server that is away for a moment.
func patiently(alive context.Context, f func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f()
		if settee.CodeOf(err) != settee.CodeUnavailable {
			return err
		}
		select {
		case <-alive.Done():
			return err
		case <-time.After(wait):
		}
	}
}
