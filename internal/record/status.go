package record

import (
	"context"
	"sync"
	"time"

	"github.com/settee/settee"
)

// Status is Job for those who ask again and again: of the job it has PromptID,
// State, Reason, CancelRequested, the times and Error, and no more. A job that
// has ended is remembered for a few seconds. Fault CodeNotFound.
func (r *Reader) Status(ctx context.Context, accountID, promptID string) (settee.Job, error) {
	key := owned{accountID, promptID}
	now := r.now()
	if j, ok := r.endings.find(key, now); ok {
		return j, nil
	}
	epoch := r.endings.moment()
	j, err := r.store.JobStatus(ctx, accountID, promptID)
	if err != nil {
		return settee.Job{}, err
	}
	if j.State.Terminal() {
		r.endings.keep(key, j, now, epoch)
	}
	return j, nil
}

// owned names a job as its account does.
type owned struct{ accountID, promptID string }

// endings remembers how jobs ended. What has ended does not change; it can only
// be hidden or replaced: here that is known at once, of another server after
// believed.
type endings struct {
	mu    sync.Mutex
	known map[owned]ending
	epoch int // how often something was hidden or replaced
}

type ending struct {
	job settee.Job
	at  time.Time
}

const (
	believed   = 5 * time.Second
	remembered = 4096 // endings at most
)

func (e *endings) find(key owned, now time.Time) (settee.Job, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.known[key]
	return known.job, ok && now.Sub(known.at) < believed
}

// moment is when a question to the store begins.
func (e *endings) moment() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch
}

// keep remembers an answer, unless something was hidden since it was asked for.
func (e *endings) keep(key owned, j settee.Job, at time.Time, epoch int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if epoch != e.epoch {
		return
	}
	if len(e.known) >= remembered || e.known == nil {
		e.known = map[owned]ending{}
	}
	e.known[key] = ending{j, at}
}

// forget is called once something has been hidden or replaced.
func (e *endings) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch++
	clear(e.known)
}

// ForgetEndings is called once jobs have been hidden or replaced: what is
// remembered of them is not so any more.
func (r *Reader) ForgetEndings() { r.endings.forget() }
