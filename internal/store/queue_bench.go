package store

import (
	"time"

	"github.com/settee/settee/internal/queue"
)

// colleagues are a worker among those of its pool. The rows are locked, so that
// never too many are taken out.
type colleagues struct {
	name      string
	failures  int
	isOut     bool
	live, out int // of those who take jobs or are out, the worker among them
}

func colleaguesOf(tx *Tx, pool, id string, now time.Time) (c colleagues, err error) {
	_, err = Collect(tx, func(scan func(...any) error) (none struct{}, err error) {
		var (
			o                    colleagues
			it                   string
			drained, isOut, live bool
		)
		if err = scan(&it, &o.name, &o.failures, &drained, &isOut, &live); err != nil {
			return none, err
		}
		if it == id {
			c.name, c.failures, c.isOut = o.name, o.failures, isOut
		} else if !live || drained {
			return none, nil
		}
		c.live++
		if isOut {
			c.out++
		}
		return none, nil
	}, `SELECT w.id, w.name, w.failures, w.drained, w.out_at IS NOT NULL, `+alive("$2")+`
		FROM workers w WHERE w.pool = $1 ORDER BY w.id`+tx.ForUpdateOf("w", false), pool, now)
	return c, err
}

// blame counts a failure of a worker, which others contradict, as at least the
// least-th, and takes the worker out when it is one too many and the pool can do
// without.
func blame(tx *Tx, pool, id string, least int, e queue.Ending, now time.Time) ([]queue.Standing, error) {
	c, err := colleaguesOf(tx, pool, id, now)
	if err != nil || c.name == "" {
		return nil, err
	}
	c.failures = max(c.failures+1, least)
	if _, err := tx.Exec(`UPDATE workers SET failures = $2 WHERE id = $1`, id, c.failures); err != nil {
		return nil, err
	}
	if c.isOut || c.failures < queue.Failures || !queue.MayBench(c.live, c.out) {
		return nil, nil
	}
	return bench(tx, pool, id, c.name, queue.Charge(c.failures, e), now)
}

// ask takes a worker out whose last jobs have all failed, as this one does, so
// that another may say whether it was them. None: there is no other to ask.
func (w suspect) ask(tx *Tx, e queue.Ending, now time.Time) ([]queue.Standing, error) {
	others, err := spare(tx, w.lane, w.id, now)
	if err != nil || !others {
		return nil, err
	}
	c, err := colleaguesOf(tx, w.pool, w.id, now)
	if err != nil || c.name == "" || c.isOut || !queue.MayBench(c.live, c.out) {
		return nil, err
	}
	return bench(tx, w.pool, w.id, c.name, queue.Doubt(w.streak+1, e), now)
}

func bench(tx *Tx, pool, id, name, reason string, now time.Time) ([]queue.Standing, error) {
	s := queue.Standing{WorkerID: id, Worker: name, Pool: pool, Out: true, Reason: reason, ProbeAt: now.Add(queue.ProbeWait(0))}
	_, err := tx.Exec(`UPDATE workers SET out_at = $2, out_reason = $3, probe_at = $4, probes = 0 WHERE id = $1`,
		id, now, s.Reason, s.ProbeAt)
	return []queue.Standing{s}, err
}

// readmit lets the workers that where picks in, and answers those that were out.
func readmit(tx *Tx, why, where string, args ...any) ([]queue.Standing, error) {
	back, err := Collect(tx, func(scan func(...any) error) (s queue.Standing, err error) {
		s.Reason = why
		err = scan(&s.WorkerID, &s.Worker, &s.Pool)
		return s, err
	}, `SELECT id, name, pool FROM workers w WHERE out_at IS NOT NULL AND `+where+` ORDER BY w.id`+tx.ForUpdateOf("w", false), args...)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(`UPDATE workers AS w SET failures = 0, streak = 0, out_at = NULL, out_reason = '', probe_at = NULL, probes = 0 WHERE `+where, args...)
	return back, err
}

// onTrial takes the turn of a worker that is out: it may have one job, and the
// next after a longer while. False: another claim has taken it.
func onTrial(tx *Tx, s queue.Session, now time.Time) (bool, error) {
	var probes int
	err := tx.QueryRow(`SELECT probes FROM workers WHERE id = $1 AND out_at IS NOT NULL AND probe_at <= $2`+tx.ForUpdate(false),
		s.WorkerID, now).Scan(&probes)
	if found, err := Found(err); !found || err != nil {
		return false, err
	}
	_, err = tx.Exec(`UPDATE workers SET probes = $2, probe_at = $3 WHERE id = $1`, s.WorkerID, probes+1, now.Add(queue.ProbeWait(probes+1)))
	return true, err
}
