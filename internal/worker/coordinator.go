// Package worker is the loop beside an engine: claim, stage, run, report,
// finish. It is the same loop in the server's own process and on a machine far
// away; only the Coordinator and Files behind it differ.
package worker

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// Coordinator gives out jobs and takes what became of them. A method that
// writes for an attempt returns a Fault of CodeLeaseLost once that attempt is
// not this session's any more.
type Coordinator interface {
	// Open announces an engine and starts a session in pool.
	Open(ctx context.Context, worker, pool string, d settee.Description) (queue.Session, error)
	// Claim waits for a job until ctx ends (then: nil, ctx.Err()). A claim ahead,
	// of a worker that still runs another job, does not wait: nil when there is
	// nothing for it now. Its job must be started before anything is said of it.
	Claim(ctx context.Context, s queue.Session, ahead bool) (*queue.Lease, error)
	// Start starts a job that was claimed ahead, and says when it must have ended
	// (zero: no cap).
	Start(ctx context.Context, a queue.Attempt) (deadline time.Time, err error)
	// Renew extends the session's lease at once, then waits until something
	// must stop or until a third of the lease has passed, and returns what must
	// stop (often nothing). An order is given again by each Renew until its
	// attempt has ended. A closed or expired session is a Fault of
	// CodeLeaseLost: the worker must Open a new one.
	Renew(ctx context.Context, s queue.Session) ([]queue.Order, error)
	// Report passes events and previews on, in order.
	Report(ctx context.Context, a queue.Attempt, frames []settee.Frame) error
	// Execute names files and sends executed (engine.Sink.Executed).
	Execute(ctx context.Context, a queue.Attempt, x engine.Executed) (json.RawMessage, error)
	// Finish ends an attempt, after what it told last.
	Finish(ctx context.Context, a queue.Attempt, e queue.Ending, last ...queue.Step) error
	// Close ends the session; what it still held goes back to the queue.
	Close(ctx context.Context, s queue.Session) error
}

// Files moves bytes by what they are.
type Files interface {
	// Put stores a file's bytes, or answers those of a small one (engine.Sink).
	Put(ctx context.Context, content io.Reader) (engine.Bytes, error)
	// Keep stores bytes that Put has answered.
	Keep(ctx context.Context, b engine.Bytes) error
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, error)
}
