package worker

import (
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

	pace pace

	mu      sync.Mutex
	running map[queue.Attempt]context.CancelCauseFunc
	doubted map[string]bool // jobs that were handed back because the engine has changed
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
		running: map[queue.Attempt]context.CancelCauseFunc{}, doubted: map[string]bool{}}
}

// stop is the cause with which a run is cancelled.
type stop struct{ reason settee.Reason }

func (s stop) Error() string { return "stopped: " + string(s.reason) }

// Run works until ctx ends: it opens a session, claims one job after another, the
// next ones ahead as far as the engine takes them, and opens a new session
// whenever its old one is lost, the engine failed, or the engine says something
// else of itself. When ctx ends it claims no more, hands back what lies ahead, gives
// what runs the grace time, hands back what is left, and closes its session.
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
	slots.Go(func() {
		if err := newLine(w, alive, s, description).run(claiming); err != nil {
			follow(err)
		}
	})
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
func (w *Worker) add(a queue.Attempt, cancel context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[a] = cancel
}

func (w *Worker) remove(a queue.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, a)
}
