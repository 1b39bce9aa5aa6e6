package store

import (
	"context"
	"database/sql"
	"errors"
)

// conn is one SQLite connection with its prepared statements. One goroutine at
// a time uses it. Statements run without a context: each is short, and a unit
// that has begun is carried to its end.
type conn struct {
	pinned     *sql.Conn
	statements map[string]*sql.Stmt
	watch      func(query string) // of tests; nil
}

// statementCap keeps texts with lists of every length from filling the memory.
const statementCap = 512

func pin(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{pinned: c, statements: map[string]*sql.Stmt{}}, nil
}

func (c *conn) prepare(query string) (*sql.Stmt, error) {
	if c.watch != nil {
		c.watch(query)
	}
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	if len(c.statements) >= statementCap {
		return nil, nil
	}
	s, err := c.pinned.PrepareContext(context.Background(), query)
	if err == nil {
		c.statements[query] = s
	}
	return s, err
}

func (c *conn) exec(query string, args []any) (sql.Result, error) {
	s, err := c.prepare(query) //nolint:sqlclosecheck // kept for the next time, closed with the connection
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.pinned.ExecContext(context.Background(), query, args...)
	}
	return s.Exec(args...)
}

func (c *conn) query(query string, args []any) (*sql.Rows, error) {
	s, err := c.prepare(query) //nolint:sqlclosecheck // kept for the next time, closed with the connection
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.pinned.QueryContext(context.Background(), query, args...)
	}
	return s.Query(args...)
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
