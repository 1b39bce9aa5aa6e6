package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// ClaimJob leases the next job to a session; nil when there is none
// (queue.Store). It looks before it writes, so that waiting costs little. The
// session stays as it is until the claim is written down: one that was closed and
// removed in between would leave an attempt that nobody gives back.
func (db *DB) ClaimJob(ctx context.Context, s queue.Session, ahead bool, now time.Time) (c *queue.Claim, err error) {
	var t turn
	var some bool
	if err := db.Glance(ctx, func(tx *Tx) error {
		if t, err = served(tx, s, ahead, "", now); err != nil {
			return err
		}
		next, err := candidates(tx, slices.Concat(t.lanes, t.trial), 1)
		if some = len(next) > 0; some || ahead || t.out || err != nil {
			return err
		}
		idle, err := idling(tx, s, t.lanes, now)
		some = len(idle) > 0
		return err
	}); err != nil {
		return nil, err
	}
	if some {
		err = db.Write(ctx, func(tx *Tx) error {
			c = nil
			if t, err = served(tx, s, ahead, tx.ForShareOf("s"), now); err != nil {
				return err
			}
			if c, err = claim(tx, s, t.lanes, ahead, false, now); c == nil && !ahead && !t.out && err == nil {
				c, err = claimIdling(tx, s, t.lanes, now)
			}
			if c == nil && len(t.trial) > 0 && err == nil {
				c, err = claim(tx, s, t.trial, false, true, now)
			}
			return err
		})
	}
	if c == nil && t.out && err == nil {
		err = queue.ErrBenched
	}
	if hasState(err, lockNotAvailable) {
		return nil, nil // whoever holds the account will hint or be polled
	}
	return c, err
}

// claimFor leases what comes first to a session that has nothing to do, when that is
// a job of a, whose row the caller has. Another account's row is not for its unit to
// keep (WriteFor): nil then, and the session looks for itself.
func claimFor(tx *Tx, s queue.Session, a *account, now time.Time) (*queue.Claim, error) {
	t, err := served(tx, s, false, tx.ForShareOf("s"), now)
	if errors.Is(err, queue.ErrBenched) || settee.CodeOf(err) == settee.CodeLeaseLost {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	next, err := candidates(tx, t.lanes, 1)
	if err != nil || len(next) == 0 || next[0].account != a.id {
		return nil, err
	}
	return a.lease(tx, s, t.lanes, false, false, now)
}

// lockNotAvailable is the SQLSTATE of a lock that was not had in time.
const lockNotAvailable = "55P03"

// look is how many accounts a claim tries when others hold the first ones.
const look = 8

// turn is what a session's worker may claim.
type turn struct {
	lanes []string // whose jobs it takes: as many as there are sets of workers that jobs can go to
	trial []string // of which it may have one job on trial
	out   bool
}

// served is what a session's worker may claim: when it is out, only what nobody
// else can run, and now and then a job on trial. lock keeps the session's row.
func served(tx *Tx, s queue.Session, ahead bool, lock string, now time.Time) (t turn, err error) {
	var (
		over, drained, later bool
		nodes                string
	)
	err = tx.QueryRow(`SELECT s.closed_at IS NOT NULL OR s.expires_at <= $2, w.drained, w.definitions, w.out_at IS NOT NULL,
			w.out_at IS NOT NULL AND (w.probe_at > $2 OR EXISTS (SELECT 1
				FROM worker_sessions s2 JOIN attempts t ON t.session_id = s2.id AND t.ended_at IS NULL
				WHERE s2.worker_id = w.id AND s2.closed_at IS NULL))
		FROM worker_sessions s JOIN workers w ON w.id = s.worker_id WHERE s.id = $1`+lock, s.ID, now).Scan(
		&over, &drained, &nodes, &t.out, &later)
	if found, err := Found(err); err != nil {
		return t, err
	} else if !found || over {
		return t, errSessionOver
	}
	if drained {
		return t, queue.ErrBenched
	}
	t.lanes, err = Collect(tx, One[string], `SELECT lane FROM lane_pools WHERE pool = $1
		UNION SELECT lane FROM lane_variants WHERE pool = $1 AND definitions = $2 ORDER BY lane`, s.Pool, nodes)
	if !t.out || err != nil {
		return t, err
	}
	all := t.lanes
	t.lanes = nil
	for _, lane := range all {
		switch others, err := spare(tx, lane, s.WorkerID, now); {
		case err != nil:
			return t, err
		case !others:
			t.lanes = append(t.lanes, lane)
		case !later && !ahead:
			t.trial = append(t.trial, lane)
		}
	}
	return t, nil
}

// candidate is an account that may have a job to start.
type candidate struct {
	account string
	pass    float64
}

// candidates are the first accounts with something ready in one of the lanes,
// least pass first.
func candidates(tx *Tx, lanes []string, limit int) ([]candidate, error) {
	var all []candidate
	for _, lane := range lanes {
		some, err := Collect(tx, func(scan func(...any) error) (c candidate, err error) {
			err = scan(&c.account, &c.pass)
			return c, err
		}, `SELECT account_id, pass FROM lanes WHERE lane = $1 AND ready ORDER BY pass, account_id LIMIT $2`, lane, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.pass, y.pass), cmp.Compare(x.account, y.account))
	})
	return slices.Compact(all), nil
}

// claim leases the first job of the first account that it can lock. When others
// held all that had one, it waits once, briefly, for the first.
func claim(tx *Tx, s queue.Session, lanes []string, ahead, trial bool, now time.Time) (*queue.Claim, error) {
	next, err := candidates(tx, lanes, look)
	if err != nil {
		return nil, err
	}
	held := ""
	for _, c := range next {
		a, err := lockAccount(tx, c.account, true)
		if found, err := Found(err); err != nil {
			return nil, err
		} else if !found {
			held = cmp.Or(held, c.account)
			continue
		}
		if l, err := a.lease(tx, s, lanes, ahead, trial, now); l != nil || err != nil {
			return l, err
		}
	}
	if held == "" {
		return nil, nil
	}
	if _, err := tx.Exec(`SET LOCAL lock_timeout = '200ms'`); err != nil {
		return nil, err
	}
	a, err := lockAccount(tx, held, false)
	if err != nil {
		return nil, err
	}
	return a.lease(tx, s, lanes, ahead, trial, now)
}

// lease makes an attempt at the account's first job in the lanes, and starts it
// unless it is ahead; nil when it has none or may run no more. The account's row
// decides, not the lane's hint. A worker that is out is given, on trial, a job
// that nobody has tried.
func (a *account) lease(tx *Tx, s queue.Session, lanes []string, ahead, trial bool, now time.Time) (*queue.Claim, error) {
	if !a.room() {
		return nil, a.save(tx, nil)
	}
	job, err := a.first(tx, lanes)
	if err != nil || job == nil {
		return nil, err
	}
	if trial {
		if job.attempt > 0 {
			return nil, nil
		}
		if turn, err := onTrial(tx, s, now); !turn || err != nil {
			return nil, err
		}
	}
	c := &queue.Claim{Seq: int(job.seq), Lease: queue.Lease{AccountID: a.id, PromptID: job.promptID, ClientID: job.clientID, Ahead: ahead,
		Attempt: queue.Attempt{JobID: job.id, SessionID: s.ID}}}
	started := now
	if ahead {
		started = time.Time{}
	} else {
		c.Deadline = a.deadline(now)
	}
	estimate := a.typical / a.weight
	if err := tx.QueryRow(`INSERT INTO attempts (job_id, n, session_id, account_id, pool, claimed_at, started_at, deadline,
			reason, seconds, estimate)
		SELECT $1, COALESCE(MAX(n), 0) + 1, $2, $3, $4, $5, $6, $7, '', 0, $8 FROM attempts WHERE job_id = $1 RETURNING n`,
		job.id, s.ID, a.id, s.Pool, now, started, c.Deadline, estimate).Scan(&c.Attempt.N); err != nil {
		return nil, err
	}
	a.running++
	a.queued--
	a.pass += estimate
	if ahead {
		a.ahead++
		_, err = tx.Exec(`UPDATE jobs SET held = $2 WHERE id = $1`, job.id, c.Attempt.N)
	} else {
		err = a.start(tx, c.Attempt, now)
	}
	if err != nil {
		return nil, err
	}
	if err := a.save(tx, map[string]int64{job.lane: -1}); err != nil {
		return nil, err
	}
	c.Counts = a.counts()
	if job.id == a.written.id {
		c.Graph, c.Secrets = a.written.graph, a.written.secrets
	} else {
		c.Graph, c.Secrets, err = readGraph(tx, job.id)
	}
	return c, err
}

// start has an attempt's job run. The caller saves the account.
func (a *account) start(tx *Tx, at queue.Attempt, now time.Time) error {
	if _, err := tx.Exec(`UPDATE jobs SET state = $2, attempt = $3, held = 0, started_at = $4, updated_at = $4 WHERE id = $1`,
		at.JobID, settee.InProgress, at.N, now); err != nil {
		return err
	}
	return a.count(tx, settee.Pending, settee.InProgress, 1)
}

// deadline is when a job that starts now must have ended; zero: never.
func (a *account) deadline(now time.Time) time.Time {
	if a.runtimeCap == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(a.runtimeCap) * time.Microsecond)
}

// waitingJob is the head of a lane.
type waitingJob struct {
	id, promptID, clientID, lane string
	number                       float64
	attempt, seq                 int64
}

// first is the account's first job in the lanes: least number, then oldest.
func (a *account) first(tx *Tx, lanes []string) (*waitingJob, error) {
	var best *waitingJob
	for _, lane := range lanes {
		j := waitingJob{lane: lane}
		err := tx.QueryRow(`SELECT id, prompt_id, client_id, number, attempt, seq FROM jobs
			WHERE account_id = $1 AND lane = $2 AND state = 'pending' AND held = 0 ORDER BY number, id LIMIT 1`, a.id, lane).
			Scan(&j.id, &j.promptID, &j.clientID, &j.number, &j.attempt, &j.seq)
		if found, err := Found(err); err != nil {
			return nil, err
		} else if found && (best == nil || cmp.Or(cmp.Compare(j.number, best.number), cmp.Compare(j.id, best.id)) < 0) {
			best = &j
		}
	}
	return best, nil
}
