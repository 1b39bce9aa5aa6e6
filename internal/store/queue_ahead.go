package store

import (
	"context"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// StartAttempt starts a job that was claimed ahead (queue.Store).
func (db *DB) StartAttempt(ctx context.Context, at queue.Attempt, now time.Time) (s queue.Started, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		a, err := lockAccountOf(tx, at)
		if err != nil {
			return err
		}
		t, err := fence(tx, at, false)
		if err != nil {
			return err
		}
		s = queue.Started{Seq: t.seq, Lease: queue.Lease{Attempt: at, AccountID: t.accountID, PromptID: t.promptID,
			ClientID: t.clientID, Deadline: t.deadline}}
		if t.ahead() {
			s.Deadline = a.deadline(now)
			if _, err := tx.Exec(`UPDATE attempts SET started_at = $3, deadline = $4 WHERE job_id = $1 AND n = $2`,
				at.JobID, at.N, now, s.Deadline); err != nil {
				return err
			}
			if err := a.start(tx, at, now); err != nil {
				return err
			}
			a.ahead--
			if err := a.save(tx, nil); err != nil {
				return err
			}
		}
		s.Counts = a.counts()
		return nil
	})
	return s, err
}

// lockAccountOf locks the account of an attempt's job.
func lockAccountOf(tx *Tx, at queue.Attempt) (*account, error) {
	var id string
	err := tx.QueryRow(`SELECT account_id FROM attempts WHERE job_id = $1 AND n = $2`, at.JobID, at.N).Scan(&id)
	if found, err := Found(err); err != nil {
		return nil, err
	} else if !found {
		return nil, errAttemptOver
	}
	return lockAccount(tx, id, false)
}

// lying is an attempt that has not started.
type lying struct {
	queue.Attempt
	account  string
	lane     queue.Lane
	estimate float64
}

const lyingColumns = `SELECT t.job_id, t.n, t.session_id, t.account_id, t.estimate, j.lane FROM attempts t JOIN jobs j ON j.id = t.job_id `

func scanLying(scan func(...any) error) (l lying, err error) {
	err = scan(&l.JobID, &l.N, &l.SessionID, &l.account, &l.estimate, &l.lane)
	return l, err
}

// drop ends an attempt that has not started. Its job is free, and the caller's
// to put somewhere; false: it has started or ended meanwhile. The caller saves
// the account, whose row decides.
func (a *account) drop(tx *Tx, l lying, reason settee.Reason, now time.Time) (bool, error) {
	n, err := tx.Exec(`UPDATE attempts SET ended_at = $3, reason = $4
		WHERE job_id = $1 AND n = $2 AND started_at IS NULL AND ended_at IS NULL`, l.JobID, l.N, now, reason)
	if err != nil || n == 0 {
		return false, err
	}
	a.running--
	a.ahead--
	a.pass = max(a.pass-l.estimate, 0)
	_, err = tx.Exec(`UPDATE jobs SET held = 0 WHERE id = $1`, l.JobID)
	return err == nil, err
}

// release has the job of an attempt that has not started wait again, at its old
// place.
func (a *account) release(tx *Tx, l lying, reason settee.Reason, now time.Time) (bool, error) {
	if done, err := a.drop(tx, l, reason, now); !done {
		return false, err
	}
	a.queued++
	return true, a.save(tx, map[string]int64{string(l.lane): 1})
}

// revoke is release for an attempt whose account is not locked yet. When another
// unit has it nothing is done.
func revoke(tx *Tx, l lying, now time.Time) ([]queue.Revoked, error) {
	a, err := lockAccount(tx, l.account, true)
	if found, err := Found(err); !found {
		return nil, err
	}
	done, err := a.release(tx, l, settee.ReasonRevoked, now)
	if !done {
		return nil, err
	}
	return []queue.Revoked{{Attempt: l.Attempt, Lane: l.lane}}, err
}

// overtaken finds what lies ahead at a worker that could run another job which
// would come first now, or that is drained: of several the one that should come
// last. It looks at what lies ahead, which is little.
func overtaken(tx *Tx) (lying, error) {
	const first = ` l.ready AND l.account_id <> t.account_id AND l.pass < q.pass - t.estimate`
	return scanLying(tx.QueryRow(lyingColumns + `JOIN account_queue q ON q.account_id = t.account_id
			JOIN worker_sessions s ON s.id = t.session_id JOIN workers w ON w.id = s.worker_id
		WHERE t.started_at IS NULL AND t.ended_at IS NULL
			AND (w.drained OR EXISTS (SELECT 1 FROM lane_pools p JOIN lanes l ON l.lane = p.lane WHERE p.pool = t.pool AND` + first + `)
				OR EXISTS (SELECT 1 FROM lane_variants v JOIN lanes l ON l.lane = v.lane
					WHERE v.pool = t.pool AND v.definitions = w.definitions AND` + first + `))
		ORDER BY q.pass - t.estimate DESC, t.claimed_at DESC LIMIT 1`).Scan)
}

// overtake revokes what was overtaken, if anything.
func overtake(tx *Tx, now time.Time) ([]queue.Revoked, error) {
	l, err := overtaken(tx)
	if found, err := Found(err); !found {
		return nil, err
	}
	return revoke(tx, l, now)
}

// withdraw revokes what lies ahead at a worker.
func withdraw(tx *Tx, workerID string, now time.Time) (all []queue.Revoked, err error) {
	lie, err := Collect(tx, scanLying, lyingColumns+`JOIN worker_sessions s ON s.id = t.session_id
		WHERE s.worker_id = $1 AND t.started_at IS NULL AND t.ended_at IS NULL`, workerID)
	for _, l := range lie {
		if err != nil {
			return all, err
		}
		var one []queue.Revoked
		one, err = revoke(tx, l, now)
		all = append(all, one...)
	}
	return all, err
}

// OvertakeAttempt does what a unit that made a job ready could not do
// (queue.Store). It looks before it writes: it is called every second.
func (db *DB) OvertakeAttempt(ctx context.Context, now time.Time) (revoked []queue.Revoked, err error) {
	var some bool
	if err := db.Glance(ctx, func(tx *Tx) error {
		_, err := overtaken(tx)
		some, err = Found(err)
		return err
	}); err != nil || !some {
		return nil, err
	}
	err = db.Write(ctx, func(tx *Tx) error {
		revoked, err = overtake(tx, now)
		return err
	})
	return revoked, err
}

// idling are the attempts that have waited for another session's worker for a
// while, and whose jobs are of one of the lanes.
func idling(tx *Tx, s queue.Session, lanes []string, now time.Time) ([]lying, error) {
	all, err := Collect(tx, scanLying, lyingColumns+`WHERE t.started_at IS NULL AND t.ended_at IS NULL
		AND t.claimed_at <= $1 AND t.session_id <> $2 ORDER BY t.claimed_at`, now.Add(-queue.Patience), s.ID)
	return slices.DeleteFunc(all, func(l lying) bool { return !slices.Contains(lanes, string(l.lane)) }), err
}

// claimIdling claims for a worker that has nothing to do what lies ahead at
// another.
func claimIdling(tx *Tx, s queue.Session, lanes []string, now time.Time) (*queue.Claim, error) {
	all, err := idling(tx, s, lanes, now)
	for _, l := range all {
		revoked, err := revoke(tx, l, now)
		if err != nil {
			return nil, err
		}
		if len(revoked) == 0 {
			continue
		}
		c, err := claim(tx, s, lanes, false, false, now)
		if c != nil {
			c.Revoked = revoked
		}
		return c, err
	}
	return nil, err
}

// DroppedAttempts are a session's attempts that ended before they started
// (queue.Store).
func (db *DB) DroppedAttempts(ctx context.Context, sessionID string, since time.Time) (all []queue.Order, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		all, err = Collect(tx, func(scan func(...any) error) (o queue.Order, err error) {
			err = scan(&o.Attempt.JobID, &o.Attempt.N, &o.Attempt.SessionID, &o.Reason)
			return o, err
		}, `SELECT job_id, n, session_id, reason FROM attempts WHERE session_id = $1 AND started_at IS NULL AND ended_at > $2
			ORDER BY ended_at`, sessionID, since)
		return err
	})
	return all, err
}
