package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgres is a PostgreSQL database, shared by any number of servers. Units
// hold row locks; one that loses a deadlock or a serialization race runs again.
type postgres struct {
	db       *sql.DB
	clock    *clock
	writers  [beside]*writer // of units that share a commit
	observer observer
}

func openPostgres(ctx context.Context, url string) (database, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable))
	db.SetMaxOpenConns(24)
	db.SetMaxIdleConns(24)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := migratePostgres(ctx, db, migrations()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	c, err := startClock(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p := &postgres{db: db, clock: c}
	for i := range p.writers {
		p.writers[i] = startWriter(together, p.commit)
	}
	return p, nil
}

// durable has a connection wait until a commit is on the disk, where the server
// or the database's owner has it otherwise.
func durable(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

func (p *postgres) write(ctx context.Context, account string, unit func(*Tx) error) error {
	if account != "" {
		return p.writerOf(account).do(ctx, account, unit)
	}
	return p.untilWon(ctx, 1, unit)
}

// untilWon runs a transaction of so many units until it loses no race.
func (p *postgres) untilWon(ctx context.Context, units int, f func(*Tx) error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		began := time.Now()
		err := p.run(ctx, nil, f)
		p.observer.tell(units, began, err)
		if !raced(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

func (p *postgres) read(ctx context.Context, look func(*Tx) error) error {
	return p.run(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, look)
}

func (p *postgres) glance(ctx context.Context, look func(*Tx) error) error {
	return connected(ctx, func() error {
		return look(&Tx{dialect: Postgres, run: pgRunner{ctx, p.db}})
	})
}

func (p *postgres) run(ctx context.Context, opt *sql.TxOptions, f func(*Tx) error) error {
	return connected(ctx, func() error {
		tx, err := p.db.BeginTx(ctx, opt)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := f(&Tx{dialect: Postgres, run: pgRunner{ctx, tx}}); err != nil {
			return err
		}
		return committed(tx.Commit())
	})
}

func (p *postgres) commits() *observer { return &p.observer }

func (p *postgres) close() error {
	for _, w := range p.writers {
		w.stop()
	}
	p.clock.stop()
	return p.db.Close()
}

// raced reports an outcome that another try can mend: a serialization failure
// or a deadlock.
func raced(err error) bool { return hasState(err, "40001") || hasState(err, "40P01") }

// hasState reports whether err is PostgreSQL's with that SQLSTATE.
func hasState(err error, state string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == state
}

type pgRunner struct {
	ctx context.Context
	tx  pgExecutor
}

// pgExecutor is a transaction, or the pool for a statement of its own.
type pgExecutor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (r pgRunner) exec(query string, args []any) (sql.Result, error) {
	return r.tx.ExecContext(r.ctx, query, args...)
}

func (r pgRunner) query(query string, args []any) (Rows, error) {
	rows, err := r.tx.QueryContext(r.ctx, query, args...) //nolint:rowserrcheck // who reads them checks
	if err != nil {
		return nil, err // not a nil *sql.Rows in an interface
	}
	return rows, nil
}
