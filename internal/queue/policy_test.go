package queue_test

import (
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// Judge decides only about attempts that were handed back.
func TestJudge(t *testing.T) {
	back := func(r settee.Reason) queue.Ending { return queue.Ending{State: settee.Pending, Reason: r} }
	for _, c := range []struct {
		what    string
		e       queue.Ending
		asked   bool
		crashes int
		state   settee.JobState
		reason  settee.Reason
		crash   bool
	}{
		{"done", queue.Ending{State: settee.Completed}, true, 9, settee.Completed, settee.ReasonNone, false},
		{"raised", queue.Ending{State: settee.Failed, Reason: settee.ReasonError}, true, 0, settee.Failed, settee.ReasonError, false},
		{"lost", back(settee.ReasonLost), false, 1, settee.Pending, settee.ReasonLost, true},
		{"lost too often", back(settee.ReasonLost), false, 2, settee.Failed, settee.ReasonLost, true},
		{"lost after cancel", back(settee.ReasonLost), true, 2, settee.Cancelled, settee.ReasonUser, true},
		{"drained", back(settee.ReasonDrained), false, 2, settee.Pending, settee.ReasonDrained, false},
		{"drained after cancel", back(settee.ReasonDrained), true, 0, settee.Cancelled, settee.ReasonUser, false},
	} {
		as, crash := queue.Judge("p", c.e, c.asked, c.crashes, 3)
		if as.State != c.state || as.Reason != c.reason || crash != c.crash {
			t.Errorf("%s: %+v, %v", c.what, as, crash)
		}
		if as.State.Terminal() && c.e.State == settee.Pending && as.Event.Type == "" {
			t.Errorf("%s: no event", c.what)
		}
	}
}
