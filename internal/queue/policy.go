package queue

import (
	"fmt"
	"math"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// Case is what Judge goes by beside the ending.
type Case struct {
	PromptID        string
	CancelRequested bool
	Crashes         int    // losses before this attempt
	Cap             int    // of losses
	Doubted         bool   // the worker is out: what it says against a job is not believed
	Losses          Losses // when Critical
}

// Losses are the circumstances in which a job has lost its workers, this time
// included.
type Losses struct {
	Workers int  // different ones that it lost
	Others  int  // sessions of the pool that other jobs have lost without it, since it first lost its own; those that ran out, since Unrest before
	Spare   bool // a worker of the pool that it has not lost takes jobs
}

// Critical says that an ending is a loss at the cap: Judge must know the losses.
func (c Case) Critical(e Ending) bool {
	return e.State == settee.Pending && e.Against() && !c.CancelRequested && !c.Doubted && c.Crashes+1 >= c.Cap
}

// Unrest is how long before a job first lost its worker the workers that others
// lost still tell that the machine room is to blame.
const Unrest = 10 * time.Second

// culprit says whether it is the job that takes its workers down. It is not when
// others lose theirs as well, one at the cap and two more with each further loss,
// nor when one worker alone loses it and another is there to try. At four times
// the cap nobody asks any more.
func (c Case) culprit() bool {
	own := c.Crashes + 1
	return own >= 4*c.Cap || c.Losses.Others <= 2*(own-c.Cap) && (c.Losses.Workers > 1 || !c.Losses.Spare)
}

// Judge says what becomes of a job when an attempt at it ends as e. What its
// worker says is taken as it is, unless that is doubted or hands the job back: a
// job whose user asked to cancel it is cancelled then, one that has taken its
// workers down up to the cap fails, any other waits again. crash tells whether
// the loss counts.
func Judge(e Ending, c Case) (as Ending, crash bool) {
	doubted := c.Doubted && e.Against()
	if e.State != settee.Pending && !doubted {
		return e, false
	}
	crash = e.Against() && !doubted
	switch {
	case c.CancelRequested:
		return Ending{settee.Cancelled, settee.ReasonUser, record.Interrupted(c.PromptID)}, crash
	case c.Critical(e) && c.culprit():
		text := fmt.Sprintf("The job was given up: its worker was lost %d times while running it.", c.Crashes+1)
		return Ending{settee.Failed, settee.ReasonLost, record.Failure(c.PromptID, "WorkerLost", text)}, crash
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
