package store

import (
	"context"

	"github.com/settee/settee"
)

// statusOf reads as little as tells how far a job has come: each column has its
// cost, and this is what clients poll.
const statusOf = `SELECT j.state, j.reason, j.cancel_requested, j.created_at, j.started_at, j.ended_at, j.updated_at,
	j.hidden_at IS NOT NULL, ` + errorColumn + jobTables + byPrompt

// JobStatus finds how far a job has come (queue.Store).
func (db *DB) JobStatus(ctx context.Context, accountID, promptID string) (j settee.Job, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		var hidden bool
		j.PromptID = promptID
		err := tx.QueryRow(statusOf, accountID, promptID).Scan(&j.State, &j.Reason, &j.CancelRequested,
			Time(&j.CreatedAt), Time(&j.StartedAt), Time(&j.EndedAt), Time(&j.UpdatedAt), &hidden, JSON(&j.Error))
		return orNoJob(hidden, err)
	})
	return j, err
}
