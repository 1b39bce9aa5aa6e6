package store

import (
	"context"

	"github.com/settee/settee"
)

// AnyJob finds a job of any account (queue.Store): by its id, which is one
// look, else by a prompt id, which is one look an account.
func (db *DB) AnyJob(ctx context.Context, id string) (j settee.Job, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		var hidden bool
		err := tx.QueryRow(`SELECT `+jobColumns+`, j.hidden_at IS NOT NULL`+jobTables+`WHERE j.id = $1`, id).
			Scan(append(jobFields(&j), &hidden)...)
		if found, err := Found(err); err != nil {
			return err
		} else if found {
			return orNoJob(hidden, nil)
		}
		all, err := Collect(tx, scanJob, `SELECT `+jobColumns+` FROM accounts a
			JOIN jobs j ON j.account_id = a.id AND j.prompt_id = $1
			WHERE j.hidden_at IS NULL LIMIT 2`, id)
		switch {
		case err != nil:
			return err
		case len(all) == 0:
			return errNoJob
		case len(all) > 1:
			return settee.Faultf(settee.CodeConflict, "Several accounts have a job with prompt_id %s; name it by its id.", id)
		}
		j = all[0]
		return nil
	})
	return j, err
}
