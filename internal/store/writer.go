package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// writer is the one goroutine that writes to a SQLite file. It takes all units
// that wait, runs each in a savepoint of its own, commits once, then answers
// all: many units share one flush to the disk, and one that fails harms no
// other.
type writer struct {
	conn      *conn
	committed func(units int)
	units     chan *unit
	observer  observer
	once      sync.Once
	quit      chan struct{}
	done      chan struct{}
}

// unit is work on its way through the writer.
type unit struct {
	run    func(*Tx) error
	taken  atomic.Bool // by the writer, or by its caller who gave up
	err    error
	panics any // what run panicked with; goes on in the caller
	ended  chan struct{}
}

// batchCap bounds how long the first unit of a batch waits for the last.
const batchCap = 256

var errClosed = errors.New("the database is closed")

// startWriter makes the writer of a connection; committed is told how many
// units each commit had.
func startWriter(c *conn, committed func(units int)) *writer {
	w := &writer{conn: c, committed: committed, units: make(chan *unit, batchCap), quit: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w
}

// do hands a unit in and waits for its outcome.
func (w *writer) do(ctx context.Context, run func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &unit{run: run, ended: make(chan struct{})}
	select {
	case w.units <- u:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return errClosed
	}
	select {
	case <-u.ended:
	case <-ctx.Done():
		if u.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-u.ended
	case <-w.done:
		if u.taken.CompareAndSwap(false, true) {
			return errClosed
		}
		<-u.ended
	}
	if u.panics != nil {
		panic(u.panics)
	}
	return u.err
}

// stop lets the batch in progress end; what still waits is refused.
func (w *writer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*unit, 0, batchCap)
	for {
		batch = batch[:0]
		select {
		case <-w.quit:
			return
		case u := <-w.units:
			batch = append(batch, u)
		}
	gather:
		for len(batch) < batchCap {
			select {
			case u := <-w.units:
				batch = append(batch, u)
			default:
				break gather
			}
		}
		w.commit(batch)
	}
}

// commit runs a batch as one transaction.
func (w *writer) commit(batch []*unit) {
	live := batch[:0]
	for _, u := range batch {
		if u.taken.CompareAndSwap(false, true) {
			live = append(live, u)
		}
	}
	w.runAll(live)
	for _, u := range live {
		close(u.ended)
	}
}

func (w *writer) runAll(batch []*unit) {
	if len(batch) == 0 {
		return
	}
	began := time.Now()
	if err := w.conn.do("BEGIN IMMEDIATE"); err != nil {
		w.observer.tell(len(batch), began, err)
		fail(batch, fmt.Errorf("begin: %w", err))
		return
	}
	if len(batch) == 1 { // the transaction is its savepoint
		w.runAlone(batch[0], began)
		return
	}
	for i, u := range batch {
		whole, err := w.runOne(u)
		u.err = err
		if !whole {
			// The transaction is gone and the units before this one with it:
			// they and those after it run again without it.
			_ = w.conn.do("ROLLBACK") // often an error: SQLite has done it already
			w.runAll(append(append([]*unit{}, batch[:i]...), batch[i+1:]...))
			return
		}
	}
	err := w.conn.do("COMMIT")
	w.observer.tell(len(batch), began, err)
	if err != nil {
		_ = w.conn.do("ROLLBACK")
		fail(batch, fmt.Errorf("commit: %w", err))
		return
	}
	w.committed(len(batch))
}

// runAlone runs a unit that has the transaction to itself, and commits it unless
// it failed.
func (w *writer) runAlone(u *unit, began time.Time) {
	if u.err = w.call(u); u.err != nil || u.panics != nil {
		_ = w.conn.do("ROLLBACK") // often an error: SQLite has done it already
		return
	}
	err := w.conn.do("COMMIT")
	w.observer.tell(1, began, err)
	if err != nil {
		_ = w.conn.do("ROLLBACK")
		u.err = fmt.Errorf("commit: %w", err)
		return
	}
	w.committed(1)
}

// call runs a unit's function; what it panics with is kept for its caller.
func (w *writer) call(u *unit) error {
	defer func() { u.panics = recover() }()
	return u.run(&Tx{dialect: SQLite, run: w.conn})
}

// runOne runs a unit in a savepoint. whole is false when the transaction
// around it was lost too, as after a full disk.
func (w *writer) runOne(u *unit) (whole bool, err error) {
	if err := w.conn.do("SAVEPOINT unit"); err != nil {
		return false, fmt.Errorf("savepoint: %w", err)
	}
	err = w.call(u)
	if err != nil || u.panics != nil {
		if undo := w.conn.do("ROLLBACK TO unit"); undo != nil {
			return false, err
		}
	}
	if release := w.conn.do("RELEASE unit"); release != nil {
		return false, errors.Join(err, release)
	}
	return true, err
}

// fail gives every unit that had no fault of its own the batch's.
func fail(batch []*unit, err error) {
	for _, u := range batch {
		if u.err == nil {
			u.err = err
		}
	}
}
