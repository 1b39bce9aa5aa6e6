package store

import (
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// suspect is the worker of an attempt that ends, and the kind of what it ran.
type suspect struct {
	id, pool, boot   string
	lane, kind       string
	native           bool
	failures, streak int
	out              bool
}

// suspectOf finds an attempt's account and its worker.
func suspectOf(tx *Tx, a queue.Attempt) (accountID string, w suspect, err error) {
	err = tx.QueryRow(`SELECT t.account_id, w.id, t.pool, s.boot, j.lane, j.kind, w.engine = 'native', w.failures, w.streak, w.out_at IS NOT NULL
		FROM attempts t JOIN jobs j ON j.id = t.job_id
			JOIN worker_sessions s ON s.id = t.session_id JOIN workers w ON w.id = s.worker_id
		WHERE t.job_id = $1 AND t.n = $2`, a.JobID, a.N).Scan(&accountID, &w.id, &w.pool, &w.boot, &w.lane, &w.kind,
		&w.native, &w.failures, &w.streak, &w.out)
	return accountID, w, err
}

// doubtful says that the worker has failed all its last jobs, so that another is
// asked about one more. The native workers of a server are one engine: they would
// ask themselves.
func (w suspect) doubtful(e queue.Ending) bool {
	return !w.out && w.streak >= queue.Failures && e.State == settee.Failed && e.Against() && !(w.native && w.boot != "")
}

// lossesOf are the circumstances of a job's losses, the one that comes now
// included.
func (w suspect) lossesOf(tx *Tx, a queue.Attempt, now time.Time) (l queue.Losses, err error) {
	var first time.Time
	if err := tx.QueryRow(`SELECT COUNT(DISTINCT s.worker_id), MIN(t.ended_at)
		FROM attempts t JOIN worker_sessions s ON s.id = t.session_id
		WHERE t.job_id = $1 AND (t.reason = 'lost' AND t.started_at IS NOT NULL OR t.n = $2)`, a.JobID, a.N).Scan(&l.Workers, Time(&first)); err != nil {
		return l, err
	}
	if first.IsZero() {
		first = now
	}
	// What went down together with this job says nothing for it, nor do its like
	// while nobody has finished one.
	if err := tx.QueryRow(`SELECT COUNT(DISTINCT t.session_id) FROM attempts t JOIN jobs j ON j.id = t.job_id
		WHERE t.pool = $1 AND t.reason = 'lost' AND t.started_at IS NOT NULL AND t.ended_at >= $2 AND t.job_id <> $3
			AND (t.ended_at >= $5 OR EXISTS (SELECT 1 FROM worker_sessions s WHERE s.id = t.session_id AND s.reason = 'lost'))
			AND NOT EXISTS (SELECT 1 FROM attempts o WHERE o.job_id = $3 AND o.session_id = t.session_id)
			AND (j.kind <> $4 OR $4 = '' OR EXISTS (SELECT 1 FROM worker_kinds k WHERE k.kind = $4))`,
		w.pool, first.Add(-queue.Unrest), a.JobID, w.kind, first).Scan(&l.Others); err != nil {
		return l, err
	}
	l.Spare, err = spare(tx, w.lane, w.id, now)
	return l, err
}

// spare says that a worker that is not out, beside the one named, takes jobs of a
// lane, or did a moment ago.
func spare(tx *Tx, lane, worker string, now time.Time) (yes bool, err error) {
	err = tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM workers w WHERE w.id <> $2 AND w.out_at IS NULL AND NOT w.drained
		AND EXISTS (SELECT 1 FROM worker_sessions s WHERE s.worker_id = w.id AND COALESCE(s.closed_at, s.expires_at) > $3)
		AND `+serves("$1")+`)`, lane, worker, now.Add(-queue.Absence)).Scan(&yes)
	return yes, err
}

// serves says that worker w takes jobs of the lane of a placeholder.
func serves(lane string) string {
	return `(EXISTS (SELECT 1 FROM lane_pools p WHERE p.pool = w.pool AND p.lane = ` + lane + `)
		OR EXISTS (SELECT 1 FROM lane_variants v WHERE v.pool = w.pool AND v.definitions = w.definitions AND v.lane = ` + lane + `))`
}

// alive says that worker w has a session at the time of a placeholder.
func alive(now string) string {
	return `EXISTS (SELECT 1 FROM worker_sessions s WHERE s.worker_id = w.id AND s.closed_at IS NULL AND s.expires_at > ` + now + `)`
}

// learn draws from the end of an attempt, of which as became, what it says of
// workers, and answers those who are out or in by it.
func (w suspect) learn(tx *Tx, a queue.Attempt, e queue.End, as queue.Ending, c queue.Case, written bool, now time.Time) ([]queue.Standing, error) {
	failed := e.Against() && as.State != settee.Cancelled && !c.Doubted
	if failed || e.State == settee.Completed && a.N > 1 {
		// Several workers may be judged at once: they are locked in one order.
		if _, err := Collect(tx, One[string], `SELECT w.id FROM workers w WHERE w.pool = $1 ORDER BY w.id`+tx.ForUpdateOf("w", false), w.pool); err != nil {
			return nil, err
		}
	}
	switch {
	case e.State == settee.Completed:
		return w.finished(tx, a, written, now)
	case failed:
		return w.failed(tx, a, e, as, c.Losses, now)
	}
	return nil, nil
}

// finished learns from a job that the worker finished: it is good for that kind,
// and those who lost or failed the job before are not. written says that the
// kind was written down lately.
func (w suspect) finished(tx *Tx, a queue.Attempt, written bool, now time.Time) (moved []queue.Standing, err error) {
	if w.kind != "" && !written {
		if _, err := tx.Exec(`INSERT INTO worker_kinds (kind, worker_id, done_at) VALUES ($1, $2, $3)
			ON CONFLICT (worker_id, kind) DO UPDATE SET done_at = excluded.done_at`, w.kind, w.id, now); err != nil {
			return nil, err
		}
	}
	if w.failures > 0 || w.streak > 0 || w.out {
		if moved, err = readmit(tx, "it finished a job", `w.id = $1`, w.id); err != nil {
			return moved, err
		}
	}
	if a.N == 1 {
		return moved, nil
	}
	type attempt struct {
		worker string
		reason settee.Reason
	}
	// An embedded worker whose session was lost fell with its server.
	before, err := Collect(tx, func(scan func(...any) error) (b attempt, err error) {
		err = scan(&b.worker, &b.reason)
		return b, err
	}, `UPDATE attempts SET blamed = $4 WHERE job_id = $1 AND n < $2 AND reason IN ('lost', 'error', 'timeout')
		AND started_at IS NOT NULL AND NOT blamed
		AND EXISTS (SELECT 1 FROM worker_sessions s WHERE s.id = attempts.session_id AND s.worker_id <> $3
			AND NOT (s.boot <> '' AND s.reason = 'lost' AND attempts.reason = 'lost'))
		RETURNING (SELECT worker_id FROM worker_sessions s WHERE s.id = attempts.session_id), reason`, a.JobID, a.N, w.id, true)
	for _, b := range before {
		if err != nil {
			return moved, err
		}
		e, least := queue.Ending{State: settee.Pending, Reason: b.reason}, 0
		if b.reason != settee.ReasonLost {
			e.State, least = settee.Failed, queue.Failures // it was out, and was asked about
		}
		var some []queue.Standing
		some, err = blame(tx, w.pool, b.worker, least, e, now)
		moved = append(moved, some...)
	}
	return moved, err
}

// failed learns from a failure that was believed. l is known when the loss was
// at the cap.
func (w suspect) failed(tx *Tx, a queue.Attempt, e queue.End, as queue.Ending, l queue.Losses, now time.Time) ([]queue.Standing, error) {
	if w.kind != "" {
		if _, err := tx.Exec(`DELETE FROM worker_kinds WHERE kind = $1 AND worker_id = $2`, w.kind, w.id); err != nil {
			return nil, err
		}
	}
	if e.State == settee.Failed {
		if _, err := tx.Exec(`UPDATE workers SET streak = streak + 1 WHERE id = $1`, w.id); err != nil {
			return nil, err
		}
	}
	var moved []queue.Standing
	if as.State == settee.Failed && a.N > 1 {
		var err error
		if moved, err = confirm(tx, a, now); err != nil {
			return moved, err
		}
	}
	least := 0
	if as.State == settee.Pending && l.Workers == 1 && l.Spare {
		least = queue.Failures // it alone has lost the job, again and again
	}
	if e.Forced && e.Reason == settee.ReasonLost && w.boot != "" {
		return moved, nil // its server fell
	}
	if least == 0 {
		if contradicted, err := w.contradicted(tx, now); err != nil || !contradicted {
			return moved, err
		}
	}
	if e.Reason == settee.ReasonLost {
		if _, err := tx.Exec(`UPDATE attempts SET blamed = $3 WHERE job_id = $1 AND n = $2`, a.JobID, a.N, true); err != nil {
			return moved, err
		}
	}
	some, err := blame(tx, w.pool, w.id, least, e.Ending, now)
	return append(moved, some...), err
}

// contradicted says that the last word of another worker of the pool, which could
// run the job too, on jobs of the kind is that it finished one, not long ago.
func (w suspect) contradicted(tx *Tx, now time.Time) (yes bool, err error) {
	if w.kind == "" {
		return false, nil
	}
	err = tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM worker_kinds k JOIN workers w ON w.id = k.worker_id
		WHERE k.kind = $1 AND k.worker_id <> $2 AND k.done_at > $3 AND w.pool = $4 AND w.out_at IS NULL AND `+alive("$5")+`
			AND `+serves("$6")+`)`, w.kind, w.id, now.Add(-queue.Evidence), w.pool, now, w.lane).Scan(&yes)
	return yes, err
}

// confirm is for workers that are out and were right about a job, which has
// failed elsewhere too: one that nobody has contradicted is in again, another may
// try its next job at once.
func confirm(tx *Tx, a queue.Attempt, now time.Time) ([]queue.Standing, error) {
	const right = ` out_at IS NOT NULL AND w.id IN (SELECT s.worker_id
		FROM attempts t JOIN worker_sessions s ON s.id = t.session_id
		WHERE t.job_id = $1 AND t.n < $2 AND t.reason IN ('error', 'timeout'))`
	back, err := readmit(tx, "another says the same", `w.failures < $3 AND`+right, a.JobID, a.N, queue.Failures)
	if err != nil {
		return back, err
	}
	_, err = tx.Exec(`UPDATE workers AS w SET probe_at = $3, probes = 0 WHERE`+right, a.JobID, a.N, now)
	return back, err
}
