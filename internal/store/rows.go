package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
)

// Rows are the answer of a query. They must be closed.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// driverRows are the rows of a statement that was given to the driver itself.
type driverRows struct {
	rows   driver.Rows
	values []driver.Value
	once   driver.Stmt // to be closed with the rows; nil for one that is kept
	err    error
	closed bool
}

func (r *driverRows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	switch err := r.rows.Next(r.values); {
	case err == nil:
		return true
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return false
}

func (r *driverRows) Err() error { return r.err }

func (r *driverRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.rows.Close()
	if r.once != nil {
		err = errors.Join(err, r.once.Close())
	}
	return err
}

func (r *driverRows) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("%d columns are read into %d variables", len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.values[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// assign gives a column's value to a variable, by database/sql's rules as far as
// they are used here: nothing is rounded, and NULL goes into a Scanner, a pointer
// or an any alone.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case sql.Scanner:
		return d.Scan(v)
	case *any:
		*d = v
		return nil
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *[]byte:
		if b, ok := v.([]byte); ok {
			*d = b
			return nil
		}
	case *int:
		if n, ok := v.(int64); ok {
			*d = int(n)
			return nil
		}
	}
	return assignKind(reflect.ValueOf(dest).Elem(), v)
}

// assignKind is assign by the variable's kind, for types with names.
func assignKind(d reflect.Value, v driver.Value) error {
	switch v := v.(type) {
	case nil:
		if d.Kind() == reflect.Pointer {
			d.SetZero()
			return nil
		}
	case string:
		if d.Kind() == reflect.String {
			d.SetString(v)
			return nil
		}
	case int64:
		switch d.Kind() {
		case reflect.Int, reflect.Int64:
			d.SetInt(v)
			return nil
		case reflect.Float64:
			d.SetFloat(float64(v))
			return nil
		case reflect.String:
			d.SetString(strconv.FormatInt(v, 10))
			return nil
		case reflect.Bool: // which SQLite has as a number
			if v == 0 || v == 1 {
				d.SetBool(v == 1)
				return nil
			}
		}
	case float64:
		if d.Kind() == reflect.Float64 {
			d.SetFloat(v)
			return nil
		}
	}
	return fmt.Errorf("a %T cannot be read into a %s", v, d.Type())
}
