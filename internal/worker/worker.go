package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// Options of a worker.
type Options struct {
	Name    string        // of the worker; the same name after a restart is the same worker
	Pool    string        // the pool it serves
	Grace   time.Duration // how long running jobs may go on once Run's context has ended
	Refresh time.Duration // how often the engine is asked what it can run; 0: 5 min
	Hurry   time.Duration // how long handing them back may take after that; 0: 5 s
	Log     *slog.Logger
	// Unseal turns a lease's secrets into the extra_data keys they are. Nil
	// where the coordinator already did.
	Unseal func(secrets []byte) ([]byte, error)
}

// Worker drives one engine.
type Worker struct {
	coordinator Coordinator
	files       Files
	engine      engine.Engine
	opt         Options

	mu      sync.Mutex
	running map[queue.Attempt]context.CancelCauseFunc
}

// New makes a worker; Run makes it work.
func New(c Coordinator, f Files, e engine.Engine, opt Options) *Worker {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Refresh == 0 {
		opt.Refresh = 5 * time.Minute
	}
	if opt.Hurry == 0 {
		opt.Hurry = 5 * time.Second
	}
	return &Worker{coordinator: c, files: f, engine: e, opt: opt,
		running: map[queue.Attempt]context.CancelCauseFunc{}}
}

// stop is the cause with which a run is cancelled.
type stop struct{ reason settee.Reason }

func (s stop) Error() string { return "stopped: " + string(s.reason) }

// Run works until ctx ends: it opens a session, claims up to the engine's depth
// of jobs at once, and opens a new session whenever its old one is lost, the
// engine failed, or the engine says something else of itself. When
// ctx ends it claims no more, gives what runs the grace time, hands back what
// is left, and closes its session.
func (w *Worker) Run(ctx context.Context) error {
	for {
		err := w.session(ctx)
		if ctx.Err() != nil {
			return err
		}
		if errors.Is(err, errChanged) {
			continue
		}
		w.opt.Log.Warn("worker session ended", "worker", w.opt.Name, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (w *Worker) session(ctx context.Context) error {
	description, err := w.engine.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe the engine: %w", err)
	}
	s, err := w.coordinator.Open(ctx, w.opt.Name, w.opt.Pool, description)
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	// The session outlives ctx by the grace time, and ends early when lost.
	alive, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	defer lose(nil)
	claiming, stopClaiming := context.WithCancel(ctx)
	defer stopClaiming()
	var renewing sync.WaitGroup
	renewing.Go(func() {
		if err := w.renew(alive, s); err != nil {
			lose(err)
			stopClaiming()
		}
	})

	why := make(chan error, 1) // this session claims no more and another should follow
	follow := func(err error) {
		select {
		case why <- err:
		default:
		}
		stopClaiming()
	}
	var slots sync.WaitGroup
	for range max(description.Depth, 1) {
		slots.Go(func() {
			if err := w.slot(claiming, alive, s); err != nil {
				follow(err)
			}
		})
	}
	slots.Go(func() {
		if w.changes(claiming, description) {
			follow(errChanged)
		}
	})
	idle := make(chan struct{})
	go func() { slots.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-alive.Done():
		<-idle
	case <-ctx.Done():
		grace := time.NewTimer(w.opt.Grace)
		defer grace.Stop()
		select {
		case <-idle:
		case <-grace.C:
			w.stopAll(settee.ReasonDrained)
			late := time.AfterFunc(w.opt.Hurry, func() { lose(errLate) })
			defer late.Stop()
			<-idle
		}
	}
	cause := context.Cause(alive)
	if cause == nil {
		// Not under alive: renew loses the session as soon as it is closed.
		closing, done := context.WithTimeout(context.WithoutCancel(ctx), w.opt.Hurry)
		err = patiently(closing, func() error { return w.coordinator.Close(closing, s) })
		done()
		if err == nil && ctx.Err() == nil {
			err = <-why
		}
	} else {
		err = cause
	}
	lose(errClosed)
	renewing.Wait()
	return err
}

var (
	errClosed  = errors.New("session closed")
	errLate    = errors.New("what ran could not be handed back in time")
	errUnheard = errors.New("a claim was not answered")
	errTrouble = errors.New("the engine failed a job of its own fault")
	errChanged = errors.New("the engine can run something else now")
)

// changes waits until the engine says something else of itself than it did when
// the session was opened; it reports false when claiming ends before.
func (w *Worker) changes(claiming context.Context, was settee.Description) bool {
	tick := time.NewTicker(w.opt.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-claiming.Done():
			return false
		case <-tick.C:
		}
		now, err := w.engine.Describe(claiming)
		if err == nil && (!bytes.Equal(now.Definitions, was.Definitions) || !bytes.Equal(now.Models, was.Models) || now.Version != was.Version) {
			return true
		}
	}
}

// renew keeps the session and passes orders on, until alive ends or the session
// is lost.
func (w *Worker) renew(alive context.Context, s queue.Session) error {
	for {
		orders, err := w.coordinator.Renew(alive, s)
		switch {
		case alive.Err() != nil:
			return nil //nolint:nilerr // the session is over; the error says no more
		case settee.CodeOf(err) == settee.CodeLeaseLost:
			w.stopAll(settee.ReasonLost)
			return err
		case err != nil:
			w.opt.Log.Warn("renewing the lease failed", "worker", w.opt.Name, "error", err)
			select {
			case <-alive.Done():
				return nil
			case <-time.After(500 * time.Millisecond):
			}
		}
		for _, o := range orders {
			w.stop(o.Attempt, o.Reason)
		}
	}
}

// slot claims and runs one job after another, until claiming ends. It looks for
// the next while the ending of one is written down, and starts it afterwards.
// Two things end it early. When a claim's outcome is unknown the session may
// hold a job that nobody runs, and only ending the session gives it back. When
// the engine failed a job of its own fault, it must describe itself before it
// gets another.
func (w *Worker) slot(claiming, alive context.Context, s queue.Session) error {
	next, known := w.claim(claiming, alive, s)
	for next != nil {
		t := next
		ending := w.work(alive, t)
		if ending.Reason == settee.ReasonLost {
			w.finish(alive, t.lease.Attempt, ending)
			return errTrouble
		}
		var finishing sync.WaitGroup
		finishing.Go(func() { w.finish(alive, t.lease.Attempt, ending) })
		next, known = w.claim(claiming, alive, s)
		finishing.Wait()
	}
	if !known {
		return errUnheard
	}
	return nil
}

// claim waits for a job; nil when claiming has ended, or when it is not known
// what became of the claim.
func (w *Worker) claim(claiming, alive context.Context, s queue.Session) (t *task, known bool) {
	for claiming.Err() == nil {
		lease, err := w.coordinator.Claim(claiming, s, false)
		switch code := settee.CodeOf(err); {
		case err == nil:
			return w.add(alive, lease), true
		case claiming.Err() != nil:
		case code == settee.CodeUnavailable, code == settee.CodeLeaseLost: // nothing was given
			w.opt.Log.Warn("claim failed", "worker", w.opt.Name, "error", err)
			select {
			case <-claiming.Done():
			case <-time.After(250 * time.Millisecond):
			}
		default:
			w.opt.Log.Warn("claim failed", "worker", w.opt.Name, "error", err)
			return nil, false
		}
	}
	return nil, true
}

// task is a claimed job, which can be told to stop.
type task struct {
	lease  *queue.Lease
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (w *Worker) stop(a queue.Attempt, reason settee.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cancel := w.running[a]; cancel != nil {
		cancel(stop{reason})
	}
}

func (w *Worker) stopAll(reason settee.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cancel := range w.running {
		cancel(stop{reason})
	}
}

// add makes a job stoppable; remove must be called when it is over.
func (w *Worker) add(alive context.Context, lease *queue.Lease) *task {
	ctx, cancel := context.WithCancelCause(alive)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[lease.Attempt] = cancel
	return &task{lease, ctx, cancel}
}

func (w *Worker) remove(a queue.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, a)
}
