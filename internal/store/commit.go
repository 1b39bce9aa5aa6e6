package store

import (
	"sync/atomic"
	"time"
)

// OnCommit has f told of each transaction that writes: how many units it
// carried, how long it took until it was on the disk, and whether it failed. f
// is called by whoever commits and must be quick.
func (db *DB) OnCommit(f func(units int, took time.Duration, err error)) { db.commits().f.Store(&f) }

// observer is told of commits; nobody listens at first.
type observer struct {
	f atomic.Pointer[func(units int, took time.Duration, err error)]
}

func (o *observer) tell(units int, began time.Time, err error) {
	if f := o.f.Load(); f != nil {
		(*f)(units, time.Since(began), err)
	}
}
