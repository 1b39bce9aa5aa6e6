package store

import (
	"errors"
	"fmt"
	"time"
)

// batchCap is how many units one commit of a SQLite file has at most.
const batchCap = 256

// commit runs a group of units as one transaction, each in a savepoint of its
// own, so that one that fails harms no other. The writer's goroutine alone calls
// it.
func (s *sqlite) commit(batch []*unit) {
	if len(batch) == 0 {
		return
	}
	began := time.Now()
	if err := s.conn.do("BEGIN IMMEDIATE"); err != nil {
		s.observer.tell(len(batch), began, err)
		fail(batch, fmt.Errorf("begin: %w", err))
		return
	}
	tx := &Tx{dialect: SQLite, run: s.conn}
	if len(batch) == 1 { // the transaction is its savepoint
		if batch[0].err = batch[0].call(tx); batch[0].err != nil {
			_ = s.conn.do("ROLLBACK") // often an error: SQLite has done it already
			return
		}
	} else {
		for i, u := range batch {
			whole, err := s.apart(u, tx)
			u.err = err
			if !whole {
				// The transaction is gone and the units before this one with it:
				// they and those after it run again without it.
				_ = s.conn.do("ROLLBACK")
				s.commit(append(append([]*unit{}, batch[:i]...), batch[i+1:]...))
				return
			}
		}
	}
	err := s.conn.do("COMMIT")
	s.observer.tell(len(batch), began, err)
	if err != nil {
		_ = s.conn.do("ROLLBACK")
		fail(batch, fmt.Errorf("commit: %w", err))
		return
	}
	s.log.committed(len(batch))
}

// apart runs a unit in a savepoint. whole is false when the transaction around
// it was lost too, as after a full disk.
func (s *sqlite) apart(u *unit, tx *Tx) (whole bool, err error) {
	if err := s.conn.do("SAVEPOINT unit"); err != nil {
		return false, fmt.Errorf("savepoint: %w", err)
	}
	err = u.call(tx)
	if err != nil {
		if undo := s.conn.do("ROLLBACK TO unit"); undo != nil {
			return false, err
		}
	}
	if release := s.conn.do("RELEASE unit"); release != nil {
		return false, errors.Join(err, release)
	}
	return true, err
}
