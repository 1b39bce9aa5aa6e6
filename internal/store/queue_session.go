package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// OpenSession writes down a worker, what it can run, and a session of it
// (queue.Store).
func (db *DB) OpenSession(ctx context.Context, o queue.Opening, now time.Time) (worker string, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		if err := letIn(tx, o, now); err != nil {
			return err
		}
		if worker, err = saveWorker(tx, o, now); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO worker_sessions (id, worker_id, pool, boot, depth, opened_at, expires_at, reason, key_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8)`, o.ID, worker, o.Pool, o.Boot, o.Depth, now, o.Until, o.KeyID)
		return err
	})
	return worker, err
}

// RenewSession extends an open session and writes notes down (queue.Store).
func (db *DB) RenewSession(ctx context.Context, id string, until, now time.Time, notes map[queue.Attempt][]record.Note) error {
	return db.Write(ctx, func(tx *Tx) error {
		n, err := tx.Exec(`UPDATE worker_sessions SET expires_at = $2
			WHERE id = $1 AND closed_at IS NULL AND expires_at > $3`, id, until, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return errSessionOver
		}
		held := slices.SortedFunc(maps.Keys(notes), func(x, y queue.Attempt) int { return strings.Compare(x.JobID, y.JobID) })
		for _, a := range held {
			t, err := under(tx, a)
			if settee.CodeOf(err) == settee.CodeLeaseLost {
				continue
			}
			if err != nil {
				return err
			}
			if err := t.write(tx, notes[a], now); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`UPDATE workers SET seen_at = $2
			WHERE id = (SELECT worker_id FROM worker_sessions WHERE id = $1)`, id, now)
		return err
	})
}

// CloseSession ends a session (queue.Store).
func (db *DB) CloseSession(ctx context.Context, id string, reason settee.Reason, now time.Time) error {
	return db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE worker_sessions SET closed_at = $2, reason = $3
			WHERE id = $1 AND closed_at IS NULL`, id, now, reason)
		return err
	})
}

// ExpireSessions ends sessions that ran out and those of earlier boots
// (queue.Store). It looks before it writes: it is called every second.
func (db *DB) ExpireSessions(ctx context.Context, boot string, now time.Time) error {
	const over = ` closed_at IS NULL AND (expires_at <= $1
		OR ($2 <> '' AND boot <> '' AND boot <> $2 AND substr(boot, 1, length($3)) = $3))`
	server := boot[:strings.LastIndexByte(boot, '/')+1]
	var some bool
	if err := db.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM worker_sessions WHERE`+over+`)`, now, boot, server).Scan(&some)
	}); err != nil || !some {
		return err
	}
	return db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE worker_sessions SET closed_at = $1, reason = $4 WHERE`+over,
			now, boot, server, settee.ReasonLost)
		return err
	})
}

const heldColumns = `SELECT t.job_id, t.n, t.session_id, j.account_id, j.prompt_id, j.client_id, t.claimed_at, t.started_at, t.deadline,
		j.cancel_requested, j.seq
	FROM attempts t JOIN jobs j ON j.id = t.job_id `

func scanHeld(scan func(...any) error) (h queue.Held, err error) {
	err = scan(&h.JobID, &h.N, &h.SessionID, &h.AccountID, &h.PromptID, &h.ClientID, Time(&h.ClaimedAt), Time(&h.StartedAt), Time(&h.Deadline),
		&h.CancelRequested, &h.Seq)
	return h, err
}

// SessionAttempts are the attempts that a session holds (queue.Store).
func (db *DB) SessionAttempts(ctx context.Context, id string) (held []queue.Held, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		held, err = Collect(tx, scanHeld, heldColumns+`WHERE t.session_id = $1 AND t.ended_at IS NULL`, id)
		return err
	})
	return held, err
}

// HeldAttempt is an attempt in progress (queue.Store).
func (db *DB) HeldAttempt(ctx context.Context, a queue.Attempt) (h queue.Held, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		h, err = scanHeld(tx.QueryRow(heldColumns+`JOIN worker_sessions s ON s.id = t.session_id
			WHERE t.job_id = $1 AND t.n = $2 AND t.session_id = $3 AND t.ended_at IS NULL AND s.closed_at IS NULL`,
			a.JobID, a.N, a.SessionID).Scan)
		if found, err := Found(err); !found && err == nil {
			return errAttemptOver
		}
		return err
	})
	return h, err
}

// Orphans are the attempts in progress whose session is closed (queue.Store).
func (db *DB) Orphans(ctx context.Context) (orphans []queue.Orphan, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		orphans, err = Collect(tx, func(scan func(...any) error) (o queue.Orphan, err error) {
			err = scan(&o.JobID, &o.N, &o.SessionID, &o.Reason)
			return o, err
		}, `SELECT t.job_id, t.n, t.session_id, s.reason
			FROM attempts t JOIN worker_sessions s ON s.id = t.session_id
			WHERE t.ended_at IS NULL AND s.closed_at IS NOT NULL`)
		return err
	})
	return orphans, err
}

// Overdue are the attempts in progress whose deadline was before then
// (queue.Store).
func (db *DB) Overdue(ctx context.Context, then time.Time) (held []queue.Held, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		held, err = Collect(tx, scanHeld, heldColumns+`WHERE t.ended_at IS NULL AND t.deadline < $1`, then)
		return err
	})
	return held, err
}

var (
	errSessionOver = settee.Faultf(settee.CodeLeaseLost, "the session is over")
	errAttemptOver = settee.Faultf(settee.CodeLeaseLost, "the attempt is over")
)
