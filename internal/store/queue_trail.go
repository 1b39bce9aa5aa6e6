package store

import (
	"context"
	"time"

	"github.com/settee/settee/internal/record"
)

// JobTrails are the jobs that ended since then and those that run, with their
// durable events (queue.Store).
func (db *DB) JobTrails(ctx context.Context, accountID string, since time.Time) (trails []record.Trail, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		trails, err = trailsOf(tx, endedWhere+`AND j.ended_at >= $2`, ` ORDER BY j.ended_at, j.id`, accountID, since)
		if err != nil {
			return err
		}
		// The index jobs_live wants its condition word for word.
		running, err := trailsOf(tx, `WHERE j.account_id = $1 AND j.state IN ('pending', 'in_progress') AND j.state = 'in_progress'`, ` ORDER BY j.started_at, j.id`, accountID)
		trails = append(trails, running...)
		return err
	})
	return trails, err
}

// trailsOf takes two statements, however many jobs there are.
func trailsOf(tx *Tx, where, order string, args ...any) ([]record.Trail, error) {
	trails, err := Collect(tx, func(scan func(...any) error) (t record.Trail, err error) {
		t.Job, err = scanJob(scan)
		return t, err
	}, `SELECT `+jobColumns+jobTables+where+order, args...)
	if err != nil || len(trails) == 0 {
		return nil, err
	}
	place := map[string]int{}
	for i, t := range trails {
		place[t.ID] = i
	}
	rows, err := tx.Query(`SELECT e.job_id, e.seq, e.type, e.data, e.meta FROM jobs j JOIN job_events e ON e.job_id = j.id `+
		where+` ORDER BY e.job_id, e.seq`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var n record.Note
		if err := rows.Scan(&id, &n.Seq, &n.Event.Type, JSON(&n.Event.Data), JSON(&n.Meta)); err != nil {
			return nil, err
		}
		t := &trails[place[id]]
		t.Notes = append(t.Notes, n)
	}
	return trails, rows.Err()
}
