package store

import (
	"math"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// account is an account's row in the queue, locked, with its tier's limits.
type account struct {
	id              string
	running, queued int64 // leased, and free to be leased
	had             int64 // queued as it was read
	ahead           int64 // of running: not started, pending yet
	pass, typical   float64
	nextNumber      int64
	version         int64
	concurrent      int64
	queueLimit      int64
	runtimeCap      int64 // microseconds
	weight          float64
	written         written // by the unit that has the row
}

// lockAccount locks and reads an account's row; ErrNoRows when there is none,
// or when skipLocked and another unit has it.
func lockAccount(tx *Tx, id string, skipLocked bool) (*account, error) {
	a := &account{id: id}
	err := tx.QueryRow(`SELECT q.running, q.queued, q.ahead, q.pass, q.typical, q.next_number, q.version,
			t.concurrent, t.queue_limit, t.runtime_cap, t.weight
		FROM account_queue q JOIN accounts a ON a.id = q.account_id JOIN tiers t ON t.name = a.tier
		WHERE q.account_id = $1`+tx.ForUpdateOf("q", skipLocked), id).Scan(
		&a.running, &a.queued, &a.ahead, &a.pass, &a.typical, &a.nextNumber, &a.version,
		&a.concurrent, &a.queueLimit, &a.runtimeCap, &a.weight)
	if err != nil {
		return nil, err
	}
	a.had = a.queued
	if a.weight <= 0 {
		a.weight = 1
	}
	return a, nil
}

// enterAccount is lockAccount for an account that may have had no job yet.
func enterAccount(tx *Tx, id string) (*account, error) {
	a, err := lockAccount(tx, id, false)
	if found, err := Found(err); found || err != nil {
		return a, err
	}
	if _, err := tx.Exec(`INSERT INTO account_queue (account_id, running, queued, pass, typical, next_number, version)
		VALUES ($1, 0, 0, 0, 1, 1, 0) ON CONFLICT (account_id) DO NOTHING`, id); err != nil {
		return nil, err
	}
	return lockAccount(tx, id, false)
}

func (a *account) room() bool { return a.concurrent == 0 || a.running < a.concurrent }

// pending is how many jobs clients see waiting.
func (a *account) pending() int64 { return a.queued + a.ahead }

func (a *account) counts() queue.Counts {
	return queue.Counts{Pending: int(a.pending()), Running: int(a.running - a.ahead), Version: a.version}
}

// comeBack gives an account that had nothing to do its place among the others:
// the least pass among those that wait for a worker and, as it was when they
// were chosen, those that have one; or the greatest of all when nobody does;
// never less than it had. So of those that are served now nobody is served again
// before it.
func (a *account) comeBack(tx *Tx) error {
	var now float64
	err := tx.QueryRow(`SELECT pass FROM (SELECT pass FROM (SELECT pass FROM lanes WHERE ready ORDER BY pass LIMIT 1) s1
		UNION ALL SELECT q.pass - SUM(t.estimate) FROM attempts t JOIN account_queue q ON q.account_id = t.account_id
			WHERE t.ended_at IS NULL GROUP BY q.account_id, q.pass) s2 ORDER BY pass LIMIT 1`).Scan(&now)
	if found, err := Found(err); err != nil {
		return err
	} else if !found {
		if err := tx.QueryRow(`SELECT pass FROM account_queue ORDER BY pass DESC LIMIT 1`).Scan(&now); err != nil {
			return err
		}
	}
	a.pass = math.Max(a.pass, now)
	return nil
}

// save writes the row back, and how many jobs more or fewer wait in each lane.
// One that comes back may find that others serve its lane now: it is compared
// with the variants again.
func (a *account) save(tx *Tx, waiting map[string]int64) error {
	a.version++
	if err := a.saveRow(tx); err != nil {
		return err
	}
	return a.saveLanes(tx, waiting)
}

func (a *account) saveRow(tx *Tx) error {
	_, err := tx.Exec(`UPDATE account_queue SET running = $2, queued = $3, pass = $4, typical = $5,
		next_number = $6, version = $7, ahead = $8 WHERE account_id = $1`,
		a.id, a.running, a.queued, a.pass, a.typical, a.nextNumber, a.version, a.ahead)
	return err
}

func (a *account) saveLanes(tx *Tx, waiting map[string]int64) error {
	if a.had == 0 && a.queued == 0 && len(waiting) == 0 {
		return nil // nothing waits in any
	}
	for _, lane := range sortedKeys(waiting) {
		n := waiting[lane]
		if n > 0 {
			if _, err := a.enterLane(tx, queue.Lane(lane), 0, n); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.Exec(`UPDATE lanes SET queued = queued + $3 WHERE account_id = $1 AND lane = $2`, a.id, lane, n); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`UPDATE lanes SET pass = $2, ready = (queued > 0 AND $3) WHERE account_id = $1 AND (queued > 0 OR ready)`,
		a.id, a.pass, a.room())
	return err
}

// count moves one job between states in job_counts; an empty state is none. The
// caller holds the account's row.
func (a *account) count(tx *Tx, from, to settee.JobState, n int) error {
	const (
		insert = `INSERT INTO job_counts (account_id, state, n) VALUES ($1, $2, $3)`
		add    = ` ON CONFLICT (account_id, state) DO UPDATE SET n = job_counts.n + excluded.n`
	)
	var err error
	switch {
	case from == "":
		_, err = tx.Exec(insert+add, a.id, to, n)
	case to == "":
		_, err = tx.Exec(insert+add, a.id, from, -n)
	default:
		_, err = tx.Exec(insert+`, ($1, $4, $5)`+add, a.id, from, -n, to, n)
	}
	return err
}
