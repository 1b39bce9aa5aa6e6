package queue

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/settee/settee"
)

// A worker that fails what others finish is taken out: it gets no jobs but now
// and then one on trial, and what it says against a job is not believed.
const (
	// Failures is how many failures in a row that others contradict take a worker
	// out, and after how many at all another is asked about the next.
	Failures = 3
	// Evidence is how long a finished job speaks against those who fail its like.
	Evidence = time.Hour
	// Again is how much later than it was written down a worker's newest finished
	// job of a kind may have been.
	Again = 5 * time.Minute
	// Absence is how long a worker may be away before another that is out is let
	// in in its place.
	Absence = 10 * time.Second
)

// Standing is a worker that was taken out, or let in again, and why.
type Standing struct {
	WorkerID string
	Worker   string // its name
	Pool     string
	Out      bool
	Reason   string
	ProbeAt  time.Time // when it may have a job on trial; of one that is out
}

// MayBench says whether a pool can do without one more worker: live take jobs or
// are out, the one in question among them, and out are out already. Half of a
// pool works on, whatever the workers and the jobs do.
func MayBench(live, out int) bool { return live >= 2 && 2*(out+1) <= live }

// ProbeWait is how long a worker that is out waits for its next job on trial
// after n of them: half a minute, doubled each time, ten minutes at most.
func ProbeWait(n int) time.Duration {
	return min(30*time.Second<<min(n, 10), 10*time.Minute)
}

// Against says that an ending holds something against the job or its worker: a
// node's error, too much time, a loss. Orders of users and operators do not.
func (e Ending) Against() bool {
	switch e.State {
	case settee.Failed:
		return e.Reason != settee.ReasonCredits
	case settee.Pending:
		return e.Reason != settee.ReasonDrained
	}
	return false
}

// Charge is what operators read of a worker that is out, after so many failures,
// the last of which ended as e. Of the job it tells nothing but the exception's
// type.
func Charge(failures int, e Ending) string {
	return fmt.Sprintf("failed %d jobs of a kind that others finish", failures) + last(e)
}

// Doubt is the same of one that has failed n jobs in a row, which nobody else has
// tried yet.
func Doubt(n int, e Ending) string {
	return fmt.Sprintf("failed %d jobs in a row", n) + last(e)
}

func last(e Ending) string {
	switch {
	case e.State == settee.Pending:
		return "; the last was lost"
	case e.Reason == settee.ReasonTimeout:
		return "; the last ran out of time"
	}
	var data struct {
		Type string `json:"exception_type"`
	}
	// What is no object has no type to tell.
	_ = json.Unmarshal(e.Event.Data, &data)
	if name := strings.Map(plainRune, data.Type); name != "" && name == data.Type && len(name) <= 80 {
		return "; the last with " + name
	}
	return ""
}

// plainRune drops what no exception's name is made of.
func plainRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' {
		return r
	}
	return -1
}
