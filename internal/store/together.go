package store

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// On PostgreSQL units that lock the rows of one account share commits with
// others (DB.WriteFor). An account's units go through one writer, so they wait
// for each other here and not for its row there; writers side by side keep more
// than one connection at work.
const (
	beside   = 8  // writers: a third of the connections. More of them gain little
	together = 64 // units of one commit at most: PostgreSQL keeps track of so many savepoints cheaply
)

var seed = maphash.MakeSeed()

func (p *postgres) writerOf(account string) *writer {
	return p.writers[maphash.String(seed, account)%beside]
}

// commit runs a group of units as one transaction, each in a savepoint of its
// own. It takes accounts in the order of their ids, as every server does: groups
// do not wait for each other in a circle.
func (p *postgres) commit(batch []*unit) {
	slices.SortStableFunc(batch, func(x, y *unit) int { return cmp.Compare(x.key, y.key) })
	ctx, done := wanted(batch)
	defer done()
	f := batch[0].call // the transaction is its savepoint
	if len(batch) > 1 {
		f = func(tx *Tx) error { return runAll(tx, batch) }
	}
	if err := p.untilWon(ctx, len(batch), f); err != nil {
		fail(batch, err)
	}
}

// runAll runs units one after the other and gives each its err; an error of its
// own says that the transaction is lost.
func runAll(tx *Tx, batch []*unit) error {
	const undo = "ROLLBACK TO unit"
	next := "SAVEPOINT unit"
	for _, u := range batch {
		if _, err := tx.Exec(next); err != nil {
			return err
		}
		u.err = u.call(tx)
		switch {
		case u.err == nil:
			next = "RELEASE unit; SAVEPOINT unit"
		case raced(u.err) || away(u.err):
			return u.err
		default:
			next = undo
		}
	}
	if next == undo {
		_, err := tx.Exec(next)
		return err
	}
	return nil
}

// wanted is a context that ends when nobody waits for the group any more.
func wanted(batch []*unit) (ctx context.Context, done func()) {
	if len(batch) == 1 {
		return batch[0].ctx, func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var (
		left  atomic.Int64
		stops = make([]func() bool, len(batch))
	)
	left.Store(int64(len(batch)))
	for i, u := range batch {
		stops[i] = context.AfterFunc(u.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
