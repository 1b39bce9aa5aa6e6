package queue_test

import (
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// A worker's word counts, unless it hands the job back or is out; a loss at the
// cap asks who is to blame.
func TestJudge(t *testing.T) {
	back := func(r settee.Reason) queue.Ending { return queue.Ending{State: settee.Pending, Reason: r} }
	raised := queue.Ending{State: settee.Failed, Reason: settee.ReasonError}
	for _, c := range []struct {
		what   string
		e      queue.Ending
		in     queue.Case
		state  settee.JobState
		reason settee.Reason
		crash  bool
	}{
		{"done", queue.Ending{State: settee.Completed}, queue.Case{CancelRequested: true, Crashes: 9}, settee.Completed, settee.ReasonNone, false},
		{"raised", raised, queue.Case{CancelRequested: true}, settee.Failed, settee.ReasonError, false},
		{"lost", back(settee.ReasonLost), queue.Case{Crashes: 1}, settee.Pending, settee.ReasonLost, true},
		{"lost too often", back(settee.ReasonLost), queue.Case{Crashes: 2}, settee.Failed, settee.ReasonLost, true},
		{"lost after cancel", back(settee.ReasonLost), queue.Case{Crashes: 2, CancelRequested: true}, settee.Cancelled, settee.ReasonUser, true},
		{"drained", back(settee.ReasonDrained), queue.Case{Crashes: 2}, settee.Pending, settee.ReasonDrained, false},
		{"drained after cancel", back(settee.ReasonDrained), queue.Case{CancelRequested: true}, settee.Cancelled, settee.ReasonUser, false},

		{"no other lost", back(settee.ReasonLost), queue.Case{Crashes: 2, Losses: queue.Losses{Workers: 3, Others: 0}}, settee.Failed, settee.ReasonLost, true},
		{"another lost", back(settee.ReasonLost), queue.Case{Crashes: 2, Losses: queue.Losses{Workers: 3, Others: 1}}, settee.Pending, settee.ReasonLost, true},
		{"no further one lost", back(settee.ReasonLost), queue.Case{Crashes: 3, Losses: queue.Losses{Workers: 3, Others: 2}}, settee.Failed, settee.ReasonLost, true},
		{"however many", back(settee.ReasonLost), queue.Case{Crashes: 11, Losses: queue.Losses{Workers: 3, Others: 99}}, settee.Failed, settee.ReasonLost, true},
		{"one worker's losses", back(settee.ReasonLost), queue.Case{Crashes: 2, Losses: queue.Losses{Workers: 1, Spare: true}}, settee.Pending, settee.ReasonLost, true},
		{"two workers' losses", back(settee.ReasonLost), queue.Case{Crashes: 2, Losses: queue.Losses{Workers: 2, Spare: true}}, settee.Failed, settee.ReasonLost, true},
		{"the only worker's", back(settee.ReasonLost), queue.Case{Crashes: 2, Losses: queue.Losses{Workers: 1}}, settee.Failed, settee.ReasonLost, true},

		{"done, out", queue.Ending{State: settee.Completed}, queue.Case{Doubted: true}, settee.Completed, settee.ReasonNone, false},
		{"raised, out", raised, queue.Case{Doubted: true}, settee.Pending, settee.ReasonError, false},
		{"lost too often, out", back(settee.ReasonLost), queue.Case{Crashes: 8, Doubted: true}, settee.Pending, settee.ReasonLost, false},
		{"raised after cancel, out", raised, queue.Case{Doubted: true, CancelRequested: true}, settee.Cancelled, settee.ReasonUser, false},
		{"cancelled, out", queue.Ending{State: settee.Cancelled, Reason: settee.ReasonUser}, queue.Case{Doubted: true}, settee.Cancelled, settee.ReasonUser, false},
		{"credits, out", queue.Ending{State: settee.Failed, Reason: settee.ReasonCredits}, queue.Case{Doubted: true}, settee.Failed, settee.ReasonCredits, false},
	} {
		c.in.PromptID, c.in.Cap = "p", 3
		as, crash := queue.Judge(c.e, c.in)
		if as.State != c.state || as.Reason != c.reason || crash != c.crash {
			t.Errorf("%s: %+v, %v", c.what, as, crash)
		}
		if as.State.Terminal() && c.e.State == settee.Pending && as.Event.Type == "" {
			t.Errorf("%s: no event", c.what)
		}
	}
}
