package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/settee/settee"
)

// unavailable makes a Fault CodeUnavailable of an error that says that
// PostgreSQL is away, stopping or starting; other errors stay what they are.
// Who gets the fault knows that nothing was done.
func unavailable(err error) error {
	if _, unknown := errors.AsType[uncertain](err); err == nil || unknown || !away(err) {
		return err
	}
	return &settee.Fault{Code: settee.CodeUnavailable, Message: "The database is away.", Err: err}
}

// connected runs a transaction. One whose connection is found broken before its
// commit is run again on another: where callers give up connections break, and
// the pool hands those out for a while. Of a caller who has given up, the driver
// says the same.
func connected(ctx context.Context, transact func() error) error {
	for tries := 1; ; tries++ {
		err := transact()
		_, unknown := errors.AsType[uncertain](err)
		switch {
		case unknown || !errors.Is(err, driver.ErrBadConn) || tries == 5:
			return unavailable(err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// away reports an error of the connection and not of what was asked.
func away(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "57P01", "57P02", "57P03", "53300": // stopping, crashed, starting, full
			return true
		}
		return e.Code[:min(2, len(e.Code))] == "08" // connection exceptions
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// uncertain is the error of a commit that was not answered: nobody knows
// whether the unit was done.
type uncertain struct{ error }

func (u uncertain) Unwrap() error { return u.error }

// Uncertain is how others know it.
func (uncertain) Uncertain() {}

// committed tells an outcome that is known from one that is not. An error that
// the driver calls safe to retry is not: "conn closed" was seen after commits
// that had been done.
func committed(err error) error {
	if err == nil || !away(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return uncertain{err}
}
