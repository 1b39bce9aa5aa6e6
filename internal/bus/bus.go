// Package bus carries hints between parts of a server and between servers: jobs
// to claim, frames to show. Losing every message costs latency, never
// correctness. Messages of one publisher on one subject arrive in order.
package bus

import "context"

// Subjects.
const (
	Jobs    = "jobs"     // body: a lane that may have work
	Orders  = "orders"   // body: a session id that has something to stop
	Free    = "free"     // body: an account id whose results workers are to forget
	Account = "account." // + account id; body: a settee.Frame as JSON
)

// Bus carries messages at most once.
type Bus interface {
	// Publish hands body to every subscriber of subject; it does not wait for
	// them to work on it. The body must not be changed afterwards.
	Publish(ctx context.Context, subject string, body []byte) error
	// Subscribe calls fn for each message until cancel is called. fn must
	// return quickly and never block.
	Subscribe(subject string, fn func(body []byte)) (cancel func(), err error)
	// Close ends all subscriptions.
	Close() error
}
