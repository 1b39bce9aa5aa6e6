package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// writer gathers units and has them committed in groups: it takes all units that
// wait, commits them at once, and then answers all. So many units share one flush
// to the disk.
type writer struct {
	commit func(batch []*unit) // gives each its err
	units  chan *unit
	once   sync.Once
	quit   chan struct{}
	done   chan struct{}
}

// unit is work on its way through a writer.
type unit struct {
	ctx    context.Context
	key    string // of the account whose rows it locks; empty where nothing depends on it
	run    func(*Tx) error
	taken  atomic.Bool // by the writer, or by its caller who gave up
	err    error
	panics any // what run panicked with; goes on in the caller
	ended  chan struct{}
}

var errClosed = errors.New("the database is closed")

// startWriter makes a writer that commits up to so many units at once, which
// bounds how long the first of a group waits for the last.
func startWriter(most int, commit func(batch []*unit)) *writer {
	w := &writer{commit: commit, units: make(chan *unit, most), quit: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w
}

// do hands a unit in and waits for its outcome.
func (w *writer) do(ctx context.Context, key string, run func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &unit{ctx: ctx, key: key, run: run, ended: make(chan struct{})}
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

// stop lets the group in progress end; what still waits is refused.
func (w *writer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*unit, 0, cap(w.units))
	for {
		batch = batch[:0]
		select {
		case <-w.quit:
			return
		case u := <-w.units:
			batch = u.join(batch)
		}
	gather:
		for len(batch) < cap(w.units) {
			select {
			case u := <-w.units:
				batch = u.join(batch)
			default:
				break gather
			}
		}
		if len(batch) > 0 {
			w.commit(batch)
		}
		for _, u := range batch {
			close(u.ended)
		}
	}
}

// join takes a unit into a group, unless its caller has given up.
func (u *unit) join(batch []*unit) []*unit {
	if !u.taken.CompareAndSwap(false, true) {
		return batch
	}
	return append(batch, u)
}

// call runs a unit's function; what it panics with is kept for its caller.
func (u *unit) call(tx *Tx) (err error) {
	defer func() {
		if u.panics = recover(); u.panics != nil {
			err = errPanicked
		}
	}()
	return u.run(tx)
}

var errPanicked = errors.New("the unit panicked")

// fail gives all units the group's error. What one of them was told of another,
// that a name is taken for instance, is not so: nothing was done.
func fail(batch []*unit, err error) {
	for _, u := range batch {
		u.err = err
	}
}
