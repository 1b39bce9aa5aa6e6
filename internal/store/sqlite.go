package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqlite is an embedded database: one connection that writes, a few that read.
type sqlite struct {
	writing  *sql.DB
	reading  *sql.DB
	moving   *sql.DB // for the checkpointer
	log      *checkpointer
	conn     *conn // that writes; the writer's
	writer   *writer
	observer observer
	readers  chan *conn
	pinned   int           // readers there are
	closed   chan struct{} // no more reading
}

// Pragmas of the two kinds of connections. A commit is on the disk before it is
// answered: synchronous is FULL wherever something is written.
const (
	pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)"
	pragmasWriting = pragmas + "&_pragma=wal_autocheckpoint(20000)" // pages; the checkpointer comes first
	pragmasReading = pragmas + "&_query_only=1"
)

func openSQLite(ctx context.Context, path string) (database, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlite needs a file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	s := &sqlite{closed: make(chan struct{})}
	err := func() (err error) {
		if s.writing, err = sql.Open("sqlite", name+pragmasWriting); err != nil {
			return err
		}
		s.writing.SetMaxOpenConns(1)
		if err = migrateSQLite(ctx, s.writing, path, migrations()); err != nil {
			return err
		}
		if s.conn, err = pin(ctx, s.writing); err != nil {
			return err
		}
		if s.moving, err = sql.Open("sqlite", name+pragmas); err != nil {
			return err
		}
		if s.log, err = startCheckpointer(ctx, s.moving); err != nil {
			return err
		}
		s.writer = startWriter(batchCap, s.commit)
		n := max(4, runtime.NumCPU())
		if s.reading, err = sql.Open("sqlite", name+pragmasReading); err != nil {
			return err
		}
		s.readers = make(chan *conn, n)
		for range n {
			c, err := pin(ctx, s.reading)
			if err != nil {
				return err
			}
			s.readers <- c
			s.pinned++
		}
		return nil
	}()
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sqlite) write(ctx context.Context, account string, unit func(*Tx) error) error {
	return s.writer.do(ctx, account, unit)
}

func (s *sqlite) read(ctx context.Context, look func(*Tx) error) error {
	return s.glance(ctx, func(tx *Tx) error {
		c := tx.run.(*conn)
		if err := c.do("BEGIN"); err != nil {
			return fmt.Errorf("begin a snapshot: %w", err)
		}
		defer func() { _ = c.do("ROLLBACK") }() // nothing was written
		return look(tx)
	})
}

func (s *sqlite) glance(ctx context.Context, look func(*Tx) error) error {
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return errClosed
	}
	defer func() { s.readers <- c }()
	return look(&Tx{dialect: SQLite, run: c})
}

func (s *sqlite) commits() *observer { return &s.observer }

func (s *sqlite) close() error {
	var errs []error
	close(s.closed)
	if s.writer != nil {
		s.writer.stop()
	}
	if s.conn != nil {
		errs = append(errs, s.conn.close())
	}
	if s.log != nil {
		errs = append(errs, s.log.stop())
	}
	for range s.pinned {
		c := <-s.readers // waits for those that read
		errs = append(errs, c.close())
	}
	for _, db := range []*sql.DB{s.reading, s.moving, s.writing} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
