package queue

import (
	"fmt"
	"math"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// Judge says what becomes of a job when an attempt at it ends as e. Only an
// attempt that was handed back is judged: a job whose user asked to cancel it
// is cancelled, one that was lost for the cap-th time fails, any other waits
// again. crash tells whether the loss counts.
func Judge(promptID string, e Ending, cancelRequested bool, crashes, cap int) (as Ending, crash bool) {
	if e.State != settee.Pending {
		return e, false
	}
	crash = e.Reason != settee.ReasonDrained
	switch {
	case cancelRequested:
		return Ending{settee.Cancelled, settee.ReasonUser, record.Interrupted(promptID)}, crash
	case crash && crashes+1 >= cap:
		text := fmt.Sprintf("The job was given up: its worker was lost %d times while running it.", crashes+1)
		return Ending{settee.Failed, settee.ReasonLost, record.Failure(promptID, "WorkerLost", text)}, crash
	}
	return Ending{State: settee.Pending, Reason: e.Reason}, crash
}

// Cost is what an ended attempt adds to its account's pass, in seconds of a
// worker with weight 1. What the house lost is not the account's to pay.
func Cost(e Ending, seconds, weight float64) float64 {
	if e.State == settee.Pending || e.Reason == settee.ReasonLost {
		return 0
	}
	return seconds / weight
}

// Typical is the new guess at how many seconds an account's next job takes,
// after one that took seconds.
func Typical(guess, seconds float64) float64 { return 0.7*guess + 0.3*seconds }

// FirstSeq is the Seq before an attempt's first durable event. Attempts count
// in ranges of their own, so that events of a lost one that were shown but not
// written are not mistaken for those of the next.
func FirstSeq(written, attempt int) int { return max(written, (attempt-1)*span) }

// span is how many numbers each attempt's events have.
const span = 1 << 16

// RetryAfter is when a full queue of an account may have room again: when one
// of its running jobs is likely to have ended.
func RetryAfter(typicalSeconds float64) time.Duration {
	return time.Duration(min(max(math.Ceil(typicalSeconds), 1), 60)) * time.Second
}
