package store

import (
	"context"
	"time"

	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
)

// Load counts workers, attempts in progress and waiting jobs. It reads what is
// alive and never the past.
func (db *DB) Load(ctx context.Context, now time.Time) (l pool.Load, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		if l.Workers, err = counts(tx, `SELECT p.name, (SELECT count(*) FROM worker_sessions s
			WHERE s.pool = p.name AND s.closed_at IS NULL AND s.expires_at > $1) FROM pools p`, now); err != nil {
			return err
		}
		if l.Running, err = counts(tx, `SELECT p.name, (SELECT count(*) FROM attempts t
			WHERE t.pool = p.name AND t.ended_at IS NULL) FROM pools p`); err != nil {
			return err
		}
		all, err := Collect(tx, scanWorker, workerColumns, now)
		if err != nil {
			return err
		}
		l.Known = map[pool.Known]int{}
		for _, w := range all {
			l.Known[pool.Known{Pool: w.Pool, Status: w.Status()}]++
		}
		lanes, err := counts(tx, `SELECT lane, sum(queued) FROM lanes WHERE queued > 0 GROUP BY lane`)
		l.Waiting = map[string]int{}
		for lane, n := range lanes {
			l.Waiting[queue.Lane(lane).Name()] += n
		}
		return err
	})
	return l, err
}

// counts reads pairs of a name and a number.
func counts(tx *Tx, query string, args ...any) (map[string]int, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var (
			name string
			n    int
		)
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		all[name] = n
	}
	return all, rows.Err()
}
