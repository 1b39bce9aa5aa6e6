package store

import "slices"

// Waiting is how many units wait behind the group that an account's units go
// through.
func (db *DB) Waiting(account string) int { return len(db.writerFor(account).units) }

// Apart reports that the units of two accounts go through different writers.
func (db *DB) Apart(a, b string) bool { return db.writerFor(a) != db.writerFor(b) }

func (db *DB) writerFor(account string) *writer {
	if p, ok := db.database.(*postgres); ok {
		return p.writerOf(account)
	}
	return db.database.(*sqlite).writer
}

// Races is how many of the errors are transactions that lost a race.
func Races(errs []error) int {
	return len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return !raced(err) }))
}
