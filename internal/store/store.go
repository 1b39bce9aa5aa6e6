// Package store keeps everything that must survive, in SQLite or PostgreSQL,
// from one SQL text.
//
// What holds: a unit handed to Write is atomic, and durable when Write returns
// nil; a function handed to Read sees one consistent snapshot. Times are Unix
// microseconds bound by the caller, ids and JSON are text. Units take locks in
// the order account_queue, lanes, jobs, workers, and every unit that changes a job's
// state holds the account_queue row of the job's account.
//
// The methods that other packages ask for through interfaces of their own
// (queue.Store, account.Store, …) are in files named after those consumers.
package store

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	database
	dialect  Dialect
	catalogs catalogs
	needs    needsSeen
	kinds    kinds
	swept    atomic.Int64 // when, in Unix microseconds; 0: not looked yet
}

// Dialect tells the two databases apart where their SQL must differ.
type Dialect string

// The databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// database is one kind of database.
type database interface {
	write(ctx context.Context, account string, unit func(*Tx) error) error
	read(ctx context.Context, look func(*Tx) error) error
	glance(ctx context.Context, look func(*Tx) error) error
	commits() *observer
	close() error
}

// Open opens the database at url, "sqlite:/path/file.db" or "postgres://…", and
// brings its schema up to date. A schema newer than this program is refused.
func Open(ctx context.Context, url string) (*DB, error) {
	var (
		e   database
		d   Dialect
		err error
	)
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		d = SQLite
		e, err = openSQLite(ctx, rest)
	case "postgres", "postgresql":
		d = Postgres
		e, err = openPostgres(ctx, url)
	default:
		return nil, fmt.Errorf("unknown kind of database %q: want sqlite:PATH or postgres://…", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &DB{database: e, dialect: d}, nil
}

// Write runs one atomic unit and returns once it is durable, or not done at
// all. The unit may run more than once, so it must have no effect but through
// tx, and it must not call Write or Read. When ctx ends before the unit has
// begun the unit is not run; afterwards Write waits for the outcome.
func (db *DB) Write(ctx context.Context, unit func(tx *Tx) error) error {
	return db.write(ctx, "", unit)
}

// WriteFor is Write of a unit that locks rows of that account alone, for what
// comes often. Such units of one server are committed together, each in a
// savepoint of its own, on PostgreSQL too; on SQLite all units are.
func (db *DB) WriteFor(ctx context.Context, account string, unit func(tx *Tx) error) error {
	return db.write(ctx, account, unit)
}

// Read runs look on one consistent snapshot. It must not call Write or Read.
func (db *DB) Read(ctx context.Context, look func(tx *Tx) error) error {
	return db.read(ctx, look)
}

// Glance is Read where each statement may see a snapshot of its own, as when
// there is only one: it costs half.
func (db *DB) Glance(ctx context.Context, look func(tx *Tx) error) error {
	return db.glance(ctx, look)
}

// Dialect says which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// Close waits for the units that have begun and closes the database.
func (db *DB) Close() error { return db.close() }
