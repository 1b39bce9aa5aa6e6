package worker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

const (
	ahead   = time.Second            // the next job is claimed when those before it are expected to end so soon
	overrun = 2 * time.Second        // a job that takes so much longer than expected has nothing lie ahead
	again   = 250 * time.Millisecond // until it is looked again for a job to claim ahead
)

// line is the jobs that a session's engine has: one that runs, where the engine takes
// more the next one, which lies ahead, and then perhaps one before it, whose results
// are still brought over. What lies ahead is handed back when it will not be run soon.
type line struct {
	w       *Worker
	session queue.Session
	alive   context.Context // the session's
	depth   int
	engine  settee.Description // as the session was opened with it

	tasks []*task       // that the engine has, oldest first
	over  chan *task    // those that it has no more
	news  chan struct{} // a task began, or ended
	last  *task         // the newest
	look  time.Time     // when to look again for a job to claim ahead
	all   sync.WaitGroup

	ending atomic.Int32 // tasks that the engine has no more and that have not ended
}

func newLine(w *Worker, alive context.Context, s queue.Session, d settee.Description) *line {
	depth := max(d.Depth, 1)
	return &line{w: w, alive: alive, session: s, depth: depth, engine: d,
		over: make(chan *task, depth+1), news: make(chan struct{}, 1)}
}

// run claims and runs one job after another until claiming ends. It looks for the
// next while the ending of one is written down. Three things end it early. When a
// claim's outcome is unknown the session may hold a job that nobody runs, and only
// ending the session gives it back. When the engine failed a job of its own fault,
// or refused one because it has changed, it must describe itself before it gets
// another.
func (l *line) run(claiming context.Context) (why error) {
	defer l.all.Wait()
	claiming, stop := context.WithCancel(claiming)
	defer stop()
	end := claiming.Done()
	for {
		if len(l.tasks) == 0 {
			if why != nil {
				return why
			}
			lease, err := l.claim(claiming)
			if lease == nil {
				return err
			}
			l.add(lease)
		}
		var look <-chan time.Time
		if end != nil && why == nil {
			look = l.due()
		}
		select {
		case t := <-l.over:
			l.remove(t)
			switch {
			case t.ending.Reason == settee.ReasonLost:
				why = errTrouble
				stop()
			case t.unheard && why == nil:
				why = errUnheard
				stop()
			case t.changed && why == nil:
				why = errChanged
				stop()
			}
			close(t.seen)
		case <-l.news:
		case <-look:
			if err := l.claimAhead(claiming); err != nil {
				why = err
				stop()
			}
		case <-l.overdue():
			l.last.drop()
		case <-end:
			end = nil
			for _, t := range l.tasks {
				t.drop()
			}
		}
	}
}

// add gives the engine a job.
func (l *line) add(lease *queue.Lease) {
	t := &task{w: l.w, lease: lease, alive: l.alive, engine: l.engine, entered: make(chan struct{}), seen: make(chan struct{}), over: make(chan struct{}), ended: make(chan struct{}), news: l.news}
	t.ctx, t.cancel = context.WithCancelCause(l.alive)
	t.before.Store(l.last)
	if l.depth > 1 {
		t.kind = kindOf(lease.Graph.Prompt)
		t.expected = l.w.pace.expect(t.kind)
	}
	l.last, l.tasks = t, append(l.tasks, t)
	l.look = time.Time{}
	l.w.add(lease.Attempt, t.cancel)
	l.all.Go(func() {
		t.work(func() { l.ending.Add(1); l.over <- t })
		l.ending.Add(-1)
		t.look()
	})
}

// remove is for a job that the engine has done with.
func (l *line) remove(t *task) {
	i := slices.Index(l.tasks, t)
	l.tasks = slices.Delete(l.tasks, i, i+1)
	l.look = time.Time{}
}

// due fires when a job is to be claimed ahead: when the newest runs and is expected
// to end soon. nil: not now.
func (l *line) due() <-chan time.Time {
	runs := l.tasks[len(l.tasks)-1]
	if runs.expected == 0 || !runs.began() || len(l.tasks) > l.depth || len(l.tasks)+int(l.ending.Load()) >= 2*l.depth {
		return nil
	}
	ran := runs.ran()
	wait := max(runs.expected-ran-ahead, time.Until(l.look))
	if ran+wait >= runs.expected+overrun {
		return nil
	}
	return time.After(wait)
}

// overdue fires when a job has run for too long to have another lie ahead; nil:
// none does.
func (l *line) overdue() <-chan time.Time {
	n := len(l.tasks)
	if n < 2 || l.tasks[n-1].began() || l.tasks[n-1].claim.Load() != open {
		return nil
	}
	runs := l.tasks[n-2]
	return time.After(runs.expected + overrun - runs.ran())
}

// claim waits for a job; nil when claiming has ended, or, with an error, when it is
// not known what became of the claim.
func (l *line) claim(claiming context.Context) (*queue.Lease, error) {
	for claiming.Err() == nil {
		lease, err := l.w.coordinator.Claim(claiming, l.session, false)
		if err == nil {
			return lease, nil
		}
		if err = l.unheard(claiming, err); err != nil {
			return nil, err
		}
		select {
		case <-claiming.Done():
		case <-time.After(again):
		}
	}
	return nil, nil
}

// claimAhead looks for a job to lie ahead.
func (l *line) claimAhead(claiming context.Context) error {
	l.look = time.Now().Add(again)
	lease, err := l.w.coordinator.Claim(claiming, l.session, true)
	if err != nil {
		return l.unheard(claiming, err)
	}
	if lease != nil {
		l.add(lease)
	}
	return nil
}

// unheard is what a claim's error means: nil when nothing was given for sure, or
// when it does not matter any more.
func (l *line) unheard(claiming context.Context, err error) error {
	if claiming.Err() != nil {
		return nil //nolint:nilerr // it claims no more
	}
	l.w.opt.Log.Warn("claim failed", "worker", l.w.opt.Name, "error", err)
	switch settee.CodeOf(err) {
	case settee.CodeUnavailable, settee.CodeLeaseLost:
		return nil
	}
	return errUnheard
}
