package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
)

// checkpointer moves what the write-ahead log holds into the database file, on
// a connection of its own, so that no unit waits for it: a checkpoint takes as
// long as a dozen commits. The log may grow meanwhile; should it become very
// long all the same, a commit does it (see pragmasWriting).
type checkpointer struct {
	conn  *conn
	units int           // since the last signal; the writer's
	due   chan struct{} // closed when no more will be
	done  chan struct{}
}

// checkpointEvery is after how many units a checkpoint is due: about as many
// pages as SQLite itself would take.
const checkpointEvery = 100

func startCheckpointer(ctx context.Context, db *sql.DB) (*checkpointer, error) {
	c, err := pin(ctx, db)
	if err != nil {
		return nil, err
	}
	p := &checkpointer{conn: c, due: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for range p.due {
			if err := p.checkpoint(); err != nil {
				slog.Warn("the write-ahead log stays long", "error", err)
			}
		}
	}()
	return p, nil
}

// checkpoint takes what can be taken while others read and write.
func (p *checkpointer) checkpoint() error {
	rows, err := p.conn.query("PRAGMA wal_checkpoint(PASSIVE)", nil)
	if err != nil {
		return err
	}
	for rows.Next() { // busy, pages in the log, pages taken
	}
	return errors.Join(rows.Err(), rows.Close())
}

// committed counts units; the writer calls it after each commit.
func (p *checkpointer) committed(units int) {
	if p.units += units; p.units < checkpointEvery {
		return
	}
	select {
	case p.due <- struct{}{}:
		p.units = 0
	default: // it is at it
	}
}

// stop ends it, once the writer has stopped.
func (p *checkpointer) stop() error {
	close(p.due)
	<-p.done
	return p.conn.close()
}
