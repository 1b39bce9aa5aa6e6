package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// Clock is what the servers of a database agree on as the time: the machine's
// on SQLite, which has one server; PostgreSQL's own, measured once a minute, so
// that leases mean the same everywhere.
func (db *DB) Clock() func() time.Time {
	if p, ok := db.database.(*postgres); ok {
		return p.clock.now
	}
	return time.Now
}

// clock is the machine's clock and how far the database's is ahead of it.
type clock struct {
	ahead atomic.Int64
	quit  chan struct{}
	done  chan struct{}
}

func startClock(ctx context.Context, db *sql.DB) (*clock, error) {
	c := &clock{quit: make(chan struct{}), done: make(chan struct{})}
	if err := c.measure(ctx, db); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.done)
		minute := time.NewTicker(time.Minute)
		defer minute.Stop()
		for {
			select {
			case <-c.quit:
				return
			case <-minute.C:
				within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				_ = c.measure(within, db) // what was measured before still holds
				cancel()
			}
		}
	}()
	return c, nil
}

// measure takes the best of a few tries: the one that was answered soonest.
func (c *clock) measure(ctx context.Context, db *sql.DB) error {
	best := time.Duration(1<<63 - 1)
	for range 4 {
		var micros int64
		asked := time.Now()
		if err := db.QueryRowContext(ctx,
			`SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&micros); err != nil {
			return err
		}
		if took := time.Since(asked); took < best {
			best = took
			c.ahead.Store(int64(time.UnixMicro(micros).Sub(asked.Add(took / 2))))
		}
	}
	return nil
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) stop() {
	close(c.quit)
	<-c.done
}
