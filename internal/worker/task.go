package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// task is a job that the worker has, on its way through the engine. It begins
// with the first thing that the engine tells of it: nothing of it passes before
// the job that was claimed before it has ended and, when it was claimed ahead,
// before it has been started. It is started while the ending of the one before is
// written down.
type task struct {
	w        *Worker
	lease    *queue.Lease
	alive    context.Context // the session's
	ctx      context.Context // ends when the run is to stop
	cancel   context.CancelCauseFunc
	kind     kind
	expected time.Duration // how long it takes; 0: nobody knows
	engine   settee.Description

	before atomic.Pointer[task] // claimed before it; nil once all before it have ended

	once    sync.Once
	entered chan struct{} // closed when its turn has come, or it has been denied
	denied  error         // then

	seen    chan struct{}              // closed when the line knows how the run returned
	over    chan struct{}              // closed when it and all before it have only their endings to tell
	ended   chan struct{}              // closed when it and all before it have ended and everybody may know
	ending  queue.Ending               // how the run returned
	unheard bool                       // with ending: nobody knows whether the session has the job
	changed bool                       // with ending: the engine has refused it because it is another one now
	sound   bool                       // once over: it was neither the engine's fault nor is it handed back
	lost    bool                       // once ended: the engine failed it, or one before it
	claim   atomic.Int32               // what becomes of a job that lies ahead
	limit   atomic.Pointer[time.Timer] // the runtime cap
	last    last
	heard   atomic.Int64    // when the engine first told of it; 0: not yet
	news    chan<- struct{} // gets a value then and in the end, if there is room
}

// What becomes of a job that lies ahead; the first who says decides.
const (
	open    int32 = iota
	started       // it is started
	dropped       // it is handed back
)

var errNotBegun = errors.New("the job is not to begin")

// begin is called when the engine tells of the job, and sees to it that its turn
// comes: it is started where it lay ahead, and what it has told is passed on once
// the one before it has ended. Until then the engine goes on. When entered is
// closed, denied says why it must not begin; its run ends then.
func (t *task) begin() {
	t.once.Do(func() {
		t.heard.Store(time.Now().UnixNano())
		t.look()
		if !t.lease.Ahead && t.lease.Grant.Given() && t.before.Load() == nil {
			t.admit(nil)
			return
		}
		go func() { t.admit(t.enter()) }()
	})
}

func (t *task) admit(err error) {
	t.last.mu.Lock()
	defer t.last.mu.Unlock()
	if err == nil {
		err = t.catchUp(t.alive)
	}
	t.denied = err
	close(t.entered)
}

// look has the line look.
func (t *task) look() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *task) enter() error {
	if err := t.lease.Grant.Wait(t.alive); err != nil {
		t.cancel(stop{settee.ReasonRevoked})
		return errNotBegun
	}
	if t.lease.Ahead {
		if err := t.start(); err != nil {
			return err
		}
	}
	_, err := t.follow(t.alive.Done())
	return err
}

// start starts a job that lies ahead, once the one before it is over.
func (t *task) start() error {
	if b := t.before.Load(); b != nil {
		select {
		case <-b.over:
		case <-t.ctx.Done():
			return errNotBegun
		}
		if !b.sound { // the engine must show first that it is well
			if lost, err := t.follow(t.ctx.Done()); err != nil {
				return err
			} else if lost {
				t.drop()
				return errNotBegun
			}
		}
	}
	if !t.claim.CompareAndSwap(open, started) {
		t.drop()
		return errNotBegun
	}
	var deadline time.Time
	err := patiently(t.alive, func() (err error) {
		deadline, err = t.w.coordinator.Start(t.alive, t.lease.Attempt)
		return err
	})
	if err != nil {
		t.cancel(stop{settee.ReasonRevoked})
		return err
	}
	t.until(deadline)
	return nil
}

// follow waits until all before it have ended, and says whether the engine failed
// one of them.
func (t *task) follow(gone <-chan struct{}) (lost bool, err error) {
	b := t.before.Load()
	if b == nil {
		return false, nil
	}
	select {
	case <-b.ended:
		return b.lost, nil
	case <-gone:
		return false, errNotBegun
	}
}

// until stops the run at its deadline; zero: it has none.
func (t *task) until(deadline time.Time) {
	if !deadline.IsZero() {
		t.limit.Store(time.AfterFunc(time.Until(deadline), func() { t.cancel(stop{settee.ReasonTimeout}) }))
	}
}

// drop hands the job back unless it has been started.
func (t *task) drop() {
	if t.lease.Ahead && (t.claim.CompareAndSwap(open, dropped) || t.claim.Load() == dropped) {
		t.cancel(stop{settee.ReasonDrained})
	}
}

// work runs the job and tells how it ended. over is called when the engine is done
// with it.
func (t *task) work(over func()) {
	if !t.lease.Ahead {
		t.until(t.lease.Deadline)
	}
	e := t.run()
	if err := t.lease.Grant.Wait(t.alive); err != nil {
		t.unheard = true
		e = queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
	}
	if e.State == settee.Completed && t.kind != (kind{}) {
		t.w.pace.note(t.kind, t.ran())
	}
	t.ending = e
	over()
	if e.State == settee.Pending {
		<-t.seen // or a claim that is under way is given it again
	} else {
		t.begin()
		<-t.entered
		switch {
		case refused(t.denied):
			e = outcome(t.lease.PromptID, t.denied, nil)
		case t.denied != nil:
			e = queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
		}
	}
	t.sound = e.State != settee.Pending
	close(t.over)
	if limit := t.limit.Load(); limit != nil {
		limit.Stop()
	}
	t.finish(e)
	t.w.remove(t.lease.Attempt)
	t.cancel(nil)
	lost, _ := t.follow(t.alive.Done()) // what was handed back has not waited
	t.lost = lost || e.Reason == settee.ReasonLost
	t.before.Store(nil)
	close(t.ended)
}

// began reports that the engine has told of the job.
func (t *task) began() bool { return t.heard.Load() > 0 }

// ran is how long ago the engine first told of it.
func (t *task) ran() time.Duration {
	if at := t.heard.Load(); at > 0 {
		return time.Since(time.Unix(0, at))
	}
	return 0
}
