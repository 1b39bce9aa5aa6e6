package queue

import "context"

// Grant is the word that a lease was given, of one that a worker got while the
// commit was under way. A nil Grant is given.
type Grant struct {
	done chan struct{}
	err  error // then: it was not, or nobody knows
}

// NewGrant makes a Grant; settle, called once, says what became of the lease.
func NewGrant() (g *Grant, settle func(error)) {
	g = &Grant{done: make(chan struct{})}
	return g, func(err error) {
		g.err = err
		close(g.done)
	}
}

// Wait waits until it is known what became of the lease. An error says that the
// session does not hold it, or may hold a job that it has not heard of: it should
// end.
func (g *Grant) Wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Given reports that the lease was given, without waiting.
func (g *Grant) Given() bool {
	if g == nil {
		return true
	}
	select {
	case <-g.done:
		return g.err == nil
	default:
		return false
	}
}
