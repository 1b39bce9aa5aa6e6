package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// conn is one SQLite connection with its prepared statements. One goroutine at
// a time uses it, and it has one query open at a time; so it speaks to the
// driver itself, without the locks and the conversions of database/sql, which
// cost as much as a small query. Statements run without a context: each is
// short, and a unit that has begun is carried to its end.
type conn struct {
	pinned     *sql.Conn
	driver     driver.ConnPrepareContext
	statements map[string]statement
	named      []driver.NamedValue // the arguments of the statement that runs
	values     []driver.Value      // the row that is read
	watch      func(query string)  // of tests; nil
}

// statement is a prepared one, as the driver has it.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statementCap keeps texts with lists of every length from filling the memory.
const statementCap = 512

func pin(ctx context.Context, db *sql.DB) (*conn, error) {
	pinned, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{pinned: pinned, statements: map[string]statement{}}
	err = pinned.Raw(func(own any) (err error) {
		var ok bool
		if c.driver, ok = own.(driver.ConnPrepareContext); !ok {
			err = fmt.Errorf("a connection of type %T prepares nothing", own)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, pinned.Close())
	}
	return c, nil
}

// prepare finds or makes a statement; kept is false when it must be closed after
// use.
func (c *conn) prepare(query string) (s statement, kept bool, err error) {
	if c.watch != nil {
		c.watch(query)
	}
	if s, ok := c.statements[query]; ok {
		return s, true, nil
	}
	made, err := c.driver.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, false, err
	}
	s, ok := made.(statement)
	if !ok {
		return nil, false, errors.Join(fmt.Errorf("a statement of type %T", made), made.Close())
	}
	if kept = len(c.statements) < statementCap; kept {
		c.statements[query] = s
	}
	return s, kept, nil
}

func (c *conn) arguments(args []any) []driver.NamedValue {
	c.named = c.named[:0]
	for i, a := range args {
		c.named = append(c.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.named
}

func (c *conn) exec(query string, args []any) (sql.Result, error) {
	s, kept, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	if !kept {
		defer s.Close()
	}
	return s.ExecContext(context.Background(), c.arguments(args))
}

func (c *conn) query(query string, args []any) (Rows, error) {
	s, kept, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(context.Background(), c.arguments(args))
	if err != nil {
		if !kept {
			err = errors.Join(err, s.Close())
		}
		return nil, err
	}
	for len(c.values) < len(rows.Columns()) {
		c.values = append(c.values, nil)
	}
	r := &driverRows{rows: rows, values: c.values[:len(rows.Columns())]}
	if !kept {
		r.once = s
	}
	return r, nil
}

func (c *conn) do(statement string) error {
	_, err := c.exec(statement, nil)
	return err
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.pinned.Close())...)
}
