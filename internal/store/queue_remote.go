package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// How many workers a token may have, and how many sessions at once each of them.
const (
	maxWorkers  = 1000
	maxSessions = 16
)

// letIn refuses a worker whose name is another's: a name belongs to the token
// that used it first, until that is deleted or the worker is removed. A server
// takes the names of its own workers whoever has them.
func letIn(tx *Tx, o queue.Opening, now time.Time) error {
	if o.KeyID == "" {
		return nil
	}
	var (
		id, key string
		dead    bool
	)
	err := tx.QueryRow(`SELECT w.id, w.key_id, COALESCE(k.deleted_at IS NOT NULL, FALSE)
		FROM workers w LEFT JOIN api_keys k ON k.id = w.key_id WHERE w.name = $1`, o.Worker).Scan(&id, &key, &dead)
	known, err := Found(err)
	switch {
	case err != nil:
		return err
	case known && key != o.KeyID && !dead:
		return settee.Faultf(settee.CodeConflict, "The worker name %s is taken by a worker with another token.", o.Worker)
	}
	var n int
	if known {
		err = tx.QueryRow(`SELECT COUNT(*) FROM worker_sessions WHERE worker_id = $1 AND closed_at IS NULL AND expires_at > $2`, id, now).Scan(&n)
		if err == nil && n >= maxSessions {
			err = settee.Faultf(settee.CodeQueueFull, "The worker %s has %d sessions already.", o.Worker, n)
		}
		return err
	}
	err = tx.QueryRow(`SELECT COUNT(*) FROM workers WHERE key_id = $1 AND key_id <> ''`, o.KeyID).Scan(&n)
	if err == nil && n >= maxWorkers {
		err = settee.Faultf(settee.CodeQueueFull, "The token has %d workers already; remove some.", n)
	}
	return err
}

// OpenedSession finds a session (queue.Store).
func (db *DB) OpenedSession(ctx context.Context, id string) (s queue.Session, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`SELECT s.id, s.worker_id, s.pool, s.boot, s.key_id, s.depth, w.definitions
			FROM worker_sessions s JOIN workers w ON w.id = s.worker_id WHERE s.id = $1 AND s.closed_at IS NULL`, id).
			Scan(&s.ID, &s.WorkerID, &s.Pool, &s.Boot, &s.KeyID, &s.Depth, &s.Nodes)
		if found, err := Found(err); found || err != nil {
			return err
		}
		return errSessionOver
	})
	return s, err
}

// SessionInput finds an input of a job that a session holds (queue.Store).
func (db *DB) SessionInput(ctx context.Context, id, hash string) (settee.Blob, error) {
	return db.blob(ctx, `SELECT i.hash, i.size FROM attempts t JOIN job_inputs i ON i.job_id = t.job_id
		WHERE t.session_id = $1 AND t.ended_at IS NULL AND i.hash = $2 LIMIT 1`, id, hash)
}

// SessionFile finds a file of an account that a session holds a job of
// (queue.Store).
func (db *DB) SessionFile(ctx context.Context, id, hash string) (settee.Blob, error) {
	return db.blob(ctx, `SELECT a.hash, a.size FROM attempts t JOIN assets a ON a.account_id = t.account_id
		WHERE t.session_id = $1 AND t.ended_at IS NULL AND a.hash = $2 LIMIT 1`, id, hash)
}

func (db *DB) blob(ctx context.Context, query string, args ...any) (b settee.Blob, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		b = settee.Blob{}
		_, err := Found(tx.QueryRow(query, args...).Scan(&b.Hash, &b.Size))
		return err
	})
	return b, err
}

// AttemptEnding is how an attempt ended (queue.Store).
func (db *DB) AttemptEnding(ctx context.Context, a queue.Attempt) (state settee.JobState, reason settee.Reason, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		state, reason = "", ""
		var newest bool
		err := tx.QueryRow(`SELECT j.state, t.reason, j.attempt = t.n FROM attempts t JOIN jobs j ON j.id = t.job_id
			WHERE t.job_id = $1 AND t.n = $2 AND t.session_id = $3 AND t.ended_at IS NOT NULL`,
			a.JobID, a.N, a.SessionID).Scan(&state, &reason, &newest)
		if found, err := Found(err); !found {
			return err
		}
		if !newest || !state.Terminal() {
			state = settee.Pending
		}
		return nil
	})
	return state, reason, err
}

// AttemptOutputs are an attempt's newest outputs (queue.Store).
func (db *DB) AttemptOutputs(ctx context.Context, a queue.Attempt, n int) (outputs []json.RawMessage, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		outputs, err = Collect(tx, func(scan func(...any) error) (json.RawMessage, error) {
			var raw json.RawMessage
			if err := scan(JSON(&raw)); err != nil {
				return nil, err
			}
			return outputOf(raw)
		}, `SELECT data FROM job_events WHERE job_id = $1 AND attempt = $2 AND type = $3 ORDER BY seq DESC LIMIT $4`,
			a.JobID, a.N, settee.EventExecuted, n)
		return err
	})
	slices.Reverse(outputs)
	return outputs, err
}

// outputOf is the output that the data of an executed event show.
func outputOf(data json.RawMessage) (json.RawMessage, error) {
	var shown struct {
		Output json.RawMessage `json:"output"`
	}
	err := json.Unmarshal(data, &shown)
	return shown.Output, err
}

// executedAt is the executed event that an attempt has at a Seq, and its output;
// false when there is none.
func executedAt(tx *Tx, a queue.Attempt, at int) (done queue.Executed, found bool, err error) {
	done.Note = record.Note{Seq: at, Event: settee.Event{Type: settee.EventExecuted}}
	err = tx.QueryRow(`SELECT data, meta FROM job_events WHERE job_id = $1 AND seq = $2 AND attempt = $3 AND type = $4`,
		a.JobID, at, a.N, settee.EventExecuted).Scan(JSON(&done.Note.Event.Data), JSON(&done.Note.Meta))
	if found, err = Found(err); !found {
		return done, false, err
	}
	done.Output, err = outputOf(done.Note.Event.Data)
	return done, true, err
}
