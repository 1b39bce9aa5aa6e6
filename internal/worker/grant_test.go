package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/settee/settee/internal/queue"
)

// A job whose submit is still being written down is with the engine already, and
// nothing is told of it before it is given for sure.
func TestNothingIsToldBeforeTheGrant(t *testing.T) {
	for after, want := range map[time.Duration]string{
		50 * time.Millisecond:  "given a 0s, frame a 50ms, completed a 101ms",
		300 * time.Millisecond: "given a 0s, frame a 300ms, completed a 301ms",
	} {
		scene(t, func(d *desk, _ context.CancelFunc) {
			l := of("a", "A", 100*time.Millisecond)
			var settle func(error)
			l.Grant, settle = queue.NewGrant()
			time.AfterFunc(after, func() { settle(nil) })
			d.submit(l)
			d.ends(1)
			d.want(t, "given frame completed", want)
		})
	}
}

// When it is not given the run is called off, nothing was told of it, and the
// session, which may hold a job that nobody runs, ends.
func TestAGrantThatDoesNotCome(t *testing.T) {
	for after, want := range map[time.Duration]string{
		50 * time.Millisecond:  "given a 0s, interrupted a 50ms, pendingdrained a 51ms",
		300 * time.Millisecond: "given a 0s, pendingdrained a 301ms",
	} {
		scene(t, func(d *desk, _ context.CancelFunc) {
			<-d.opened
			l := of("a", "A", 100*time.Millisecond)
			var settle func(error)
			l.Grant, settle = queue.NewGrant()
			time.AfterFunc(after, func() { settle(errors.New("the disk is full")) })
			d.submit(l)
			d.ends(1)
			d.want(t, "given interrupted frame completed pendingdrained", want)
			if closed := <-d.closed; closed != "a" {
				t.Errorf("closed %q", closed)
			}
			if opened := <-d.opened; opened != "b" {
				t.Errorf("opened %q", opened)
			}
			d.submit(of("b", "A", 100*time.Millisecond))
			d.ends(1)
		})
	}
}
