package store

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/settee/settee"
)

// ErrNoRows is what Row.Scan returns when there is no row.
var ErrNoRows = sql.ErrNoRows

// Tx is a unit or a snapshot in progress, for the function it was given to and
// for no longer. Statements have $1, $2, … placeholders. Arguments may be
// numbers, booleans, strings, and also: binary, other bytes and raw JSON (bound as
// text; nil is NULL), times (as microseconds; the zero time is NULL) and any named
// string or number.
type Tx struct {
	dialect Dialect
	run     runner
}

// binary is bytes that are no text, for binding.
type binary []byte

// runner runs statements; arguments are plain by then.
type runner interface {
	exec(query string, args []any) (sql.Result, error)
	query(query string, args []any) (Rows, error)
}

// Dialect says which database this is.
func (tx *Tx) Dialect() Dialect { return tx.dialect }

// ForUpdate is what a SELECT ends with to lock its rows; empty on SQLite, whose
// units are alone anyway. skipLocked leaves out rows that another unit holds.
func (tx *Tx) ForUpdate(skipLocked bool) string { return tx.ForUpdateOf("", skipLocked) }

// ForUpdateOf is ForUpdate for one table (or alias) of a join.
func (tx *Tx) ForUpdateOf(table string, skipLocked bool) string {
	if tx.dialect == SQLite {
		return ""
	}
	s := " FOR UPDATE"
	if table != "" {
		s += " OF " + table
	}
	if skipLocked {
		s += " SKIP LOCKED"
	}
	return s
}

// ForShareOf is what a SELECT ends with so that nobody changes the rows of a table
// (or alias) before this unit has ended; empty on SQLite.
func (tx *Tx) ForShareOf(table string) string {
	if tx.dialect == SQLite {
		return ""
	}
	return " FOR SHARE OF " + table
}

// Exec runs a statement and says how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	res, err := tx.run.exec(query, plain(args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a statement that answers rows. The rows must be closed before the
// next statement; Collect does that.
func (tx *Tx) Query(query string, args ...any) (Rows, error) {
	return tx.run.query(query, plain(args))
}

// QueryRow runs a statement of which only the first row matters.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	rows, err := tx.Query(query, args...) //nolint:rowserrcheck // Row.Scan checks
	return &Row{rows: rows, err: err}
}

// Row is the answer of QueryRow.
type Row struct {
	rows Rows
	err  error
}

// Scan reads the row, or returns ErrNoRows.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}

// Collect runs a query and reads each row with scan.
func Collect[T any](tx *Tx, scan func(scan func(dest ...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// One reads a row of a single column.
func One[T any](scan func(dest ...any) error) (v T, err error) {
	err = scan(&v)
	return v, err
}

// Found tells a missing row from a failure: true, or false without an error
// when err is ErrNoRows.
func Found(err error) (bool, error) {
	if errors.Is(err, ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// plain turns arguments into what both drivers take.
func plain(args []any) []any {
	for i, a := range args {
		switch a := a.(type) {
		case nil, string, bool, int64, float64:
		case int:
			args[i] = int64(a)
		case time.Time:
			args[i] = nil
			if us := settee.Micros(a); us != 0 {
				args[i] = us
			}
		case binary:
			args[i] = []byte(a)
		default:
			args[i] = plainValue(reflect.ValueOf(a))
		}
	}
	return args
}

func plainValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.IsNil() {
				return nil
			}
			return string(v.Bytes())
		}
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plainValue(v.Elem())
	}
	panic(fmt.Sprintf("store: cannot bind a %s", v.Type()))
}
