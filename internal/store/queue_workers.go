package store

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

const workerColumns = `SELECT w.id, w.name, w.pool, w.engine, w.version, w.devices, w.key_id <> '', w.drained, w.seen_at, w.created_at,
	w.out_at, w.out_reason, w.probe_at, w.failures,
	(SELECT COUNT(*) FROM worker_sessions s WHERE s.worker_id = w.id AND s.closed_at IS NULL AND s.expires_at > $1),
	(SELECT COUNT(*) FROM worker_sessions s JOIN attempts t ON t.session_id = s.id AND t.ended_at IS NULL WHERE s.worker_id = w.id)
	FROM workers w `

func scanWorker(scan func(...any) error) (w settee.Worker, err error) {
	err = scan(&w.ID, &w.Name, &w.Pool, &w.Engine, &w.Version, JSON(&w.Devices), &w.Remote, &w.Drained, Time(&w.SeenAt),
		Time(&w.CreatedAt), Time(&w.OutAt), &w.OutReason, Time(&w.ProbeAt), &w.Failures, &w.Sessions, &w.Running)
	return w, err
}

// Workers lists the workers by name (queue.Store).
func (db *DB) Workers(ctx context.Context, now time.Time) (all []settee.Worker, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		all, err = Collect(tx, scanWorker, workerColumns+`ORDER BY w.name`, now)
		return err
	})
	return all, err
}

// DrainWorker says whether a worker takes new jobs, also one that is out
// (queue.Store).
func (db *DB) DrainWorker(ctx context.Context, name string, drained bool, now time.Time) (w settee.Worker, revoked []queue.Revoked, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		revoked = nil
		var id string
		err := tx.QueryRow(`UPDATE workers SET drained = $2 WHERE name = $1 RETURNING id`, name, drained).Scan(&id)
		if err = orNoWorker(name, err); err != nil {
			return err
		}
		if drained {
			revoked, err = withdraw(tx, id, now)
		} else {
			_, err = readmit(tx, "", `w.id = $1`, id)
		}
		if err != nil {
			return err
		}
		w, err = scanWorker(tx.QueryRow(workerColumns+`WHERE w.id = $2`, now, id).Scan)
		return err
	})
	return w, revoked, err
}

// CloseWorker ends a worker's sessions (queue.Store).
func (db *DB) CloseWorker(ctx context.Context, name string, now time.Time) (sessions []string, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		var id string
		if err := orNoWorker(name, tx.QueryRow(`SELECT id FROM workers WHERE name = $1`, name).Scan(&id)); err != nil {
			return err
		}
		sessions, err = Collect(tx, One[string], `UPDATE worker_sessions SET closed_at = $2, reason = $3
			WHERE worker_id = $1 AND closed_at IS NULL RETURNING id`, id, now, settee.ReasonDrained)
		return err
	})
	return sessions, err
}

// DeleteWorker forgets a worker (queue.Store). Its sessions must stay while
// they have attempts in progress: the reaper finds those by them.
func (db *DB) DeleteWorker(ctx context.Context, name string) error {
	return db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`DELETE FROM workers WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM worker_sessions s
			LEFT JOIN attempts t ON t.session_id = s.id AND t.ended_at IS NULL
			WHERE s.worker_id = workers.id AND (s.closed_at IS NULL OR t.job_id IS NOT NULL))`, name)
		return err
	})
}

// TendWorkers lets in whom nobody is left to replace (queue.Store). It looks
// before it writes: it is called every second.
func (db *DB) TendWorkers(ctx context.Context, now time.Time) (back []queue.Standing, err error) {
	alone := `w.out_at IS NOT NULL AND ` + alive("$1") + `
		AND NOT EXISTS (SELECT 1 FROM workers o JOIN worker_sessions s ON s.worker_id = o.id
			WHERE o.pool = w.pool AND o.out_at IS NULL AND NOT o.drained AND COALESCE(s.closed_at, s.expires_at) > $2)`
	var left, old bool
	if err := db.Glance(ctx, func(tx *Tx) error {
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM workers w WHERE `+alone+`)`, now, now.Add(-queue.Absence)).Scan(&left); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM worker_kinds WHERE done_at < $1)`, now.Add(-2*queue.Evidence)).Scan(&old)
	}); err != nil || !left && !old {
		return nil, err
	}
	err = db.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(`DELETE FROM worker_kinds WHERE done_at < $1`, now.Add(-queue.Evidence)); err != nil {
			return err
		}
		back, err = readmit(tx, "nobody else is left", alone, now, now.Add(-queue.Absence))
		return err
	})
	return back, err
}

func orNoWorker(name string, err error) error {
	if found, err := Found(err); found || err != nil {
		return err
	}
	return settee.Faultf(settee.CodeNotFound, "There is no worker %q.", name)
}

var _ queue.Store = (*DB)(nil)
