package store

import (
	"context"
	"time"

	"github.com/settee/settee/internal/queue"
)

// RefreshLanes moves jobs to the lanes where they belong now and sets the ready
// hints right, as after a worker or a tier has changed (queue.Store). It looks
// first and then mends one account at a time.
func (db *DB) RefreshLanes(ctx context.Context, now time.Time) (newly []queue.Lane, err error) {
	if err := db.sweep(ctx, now); err != nil {
		return nil, err
	}
	if newly, err = db.rematch(ctx); err != nil {
		return newly, err
	}
	var wrong []string
	err = db.Read(ctx, func(tx *Tx) error {
		wrong, err = Collect(tx, One[string], `SELECT DISTINCT l.account_id
			FROM lanes l JOIN account_queue q ON q.account_id = l.account_id
				JOIN accounts a ON a.id = l.account_id JOIN tiers t ON t.name = a.tier
			WHERE l.queued > 0 AND l.ready <> (t.concurrent = 0 OR q.running < t.concurrent)
			ORDER BY l.account_id`)
		return err
	})
	for _, id := range wrong {
		if err != nil {
			return newly, err
		}
		var lanes []queue.Lane
		err = db.Write(ctx, func(tx *Tx) error {
			a, err := lockAccount(tx, id, false)
			if err != nil {
				return err
			}
			if err := a.save(tx, nil); err != nil {
				return err
			}
			lanes, err = Collect(tx, One[queue.Lane], `SELECT lane FROM lanes WHERE account_id = $1 AND ready ORDER BY lane`, id)
			return err
		})
		newly = append(newly, lanes...)
	}
	return newly, err
}
