package store

import (
	"context"
	"slices"
	"time"

	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// matcher knows the variants of a generation, and of those that some lane is not
// served by what they can run.
type matcher struct {
	generation int64
	variants   map[string][]pool.Variant // by pool
	members    map[queue.Lane][]queue.Variant
	catalogs   map[string]*workflow.Catalog // by hash
}

// rematch compares waiting jobs with the variants that have come since they were
// compared last, and has each wait in the lane of those that can run it now. It
// answers the lanes that jobs have moved to, or that are served again. A job that no variant can run any
// more stays where it is, until one can.
func (db *DB) rematch(ctx context.Context) (moved []queue.Lane, err error) {
	var (
		accounts []string
		m        matcher
	)
	err = db.Read(ctx, func(tx *Tx) error {
		if m.generation, err = generation(tx); err != nil {
			return err
		}
		if accounts, err = Collect(tx, One[string], `SELECT DISTINCT account_id FROM lanes
			WHERE queued > 0 AND judged < $1 ORDER BY account_id`, m.generation); err != nil || len(accounts) == 0 {
			return err
		}
		return db.load(tx, &m)
	})
	for _, id := range accounts {
		if err != nil {
			return moved, err
		}
		var lanes []queue.Lane
		err = db.Write(ctx, func(tx *Tx) error {
			a, err := lockAccount(tx, id, false)
			if err != nil {
				return err
			}
			lanes, err = a.rematch(tx, &m)
			return err
		})
		moved = append(moved, lanes...)
	}
	return moved, err
}

// load reads who serves the lanes that have to be looked at, and what the others
// of their pools can run.
func (db *DB) load(tx *Tx, m *matcher) error {
	var err error
	if m.variants, err = variants(tx, time.Time{}); err != nil {
		return err
	}
	lanes, err := Collect(tx, One[queue.Lane], `SELECT DISTINCT lane FROM lanes WHERE queued > 0 AND judged < $1`, m.generation)
	if err != nil {
		return err
	}
	m.members, m.catalogs = map[queue.Lane][]queue.Variant{}, map[string]*workflow.Catalog{}
	for _, lane := range lanes {
		if m.members[lane] = nil; lane.Name() == string(lane) {
			continue // all workers of its pools serve it
		}
		if m.members[lane], err = Collect(tx, func(scan func(...any) error) (v queue.Variant, err error) {
			err = scan(&v.Pool, &v.Nodes)
			return v, err
		}, `SELECT pool, definitions FROM lane_variants WHERE lane = $1`, lane); err != nil {
			return err
		}
		for _, name := range lane.Pools() {
			for _, v := range m.variants[name] {
				if m.catalogs[v.Hash] != nil || slices.Contains(m.members[lane], queue.Variant{Pool: name, Nodes: v.Hash}) {
					continue
				}
				if m.catalogs[v.Hash], err = db.catalogs.read(tx, v.Hash); err != nil {
					return err
				}
			}
		}
	}
	db.catalogs.keep(m.variants)
	return nil
}

// able are the variants that can run a job of a lane: those of its pools that
// serve it already, or have what the job needs.
func (m *matcher) able(lane queue.Lane, needs workflow.Needs) (can []queue.Variant) {
	for _, name := range lane.Pools() {
		for _, variant := range m.variants[name] {
			v := queue.Variant{Pool: name, Nodes: variant.Hash}
			if slices.Contains(m.members[lane], v) ||
				!slices.Contains(needs.Refused, v.Nodes) && m.catalogs[v.Nodes].Meets(needs) {
				can = append(can, v)
			}
		}
	}
	return can
}

// rematch compares the account's waiting jobs.
func (a *account) rematch(tx *Tx, m *matcher) (moved []queue.Lane, err error) {
	lanes, err := Collect(tx, One[queue.Lane], `SELECT lane FROM lanes
		WHERE account_id = $1 AND queued > 0 AND judged < $2 ORDER BY lane`, a.id, m.generation)
	if err != nil {
		return nil, err
	}
	left := map[string]int64{}
	for _, lane := range lanes {
		if _, known := m.members[lane]; !known {
			continue // it was not there when m looked: next time
		}
		needs, err := a.needs(tx, lane)
		if err != nil {
			return nil, err
		}
		for _, digest := range sortedKeys(needs) {
			can := m.able(lane, needs[digest])
			if len(can) == 0 {
				continue
			}
			to := queue.LaneOf(lane.Pools(), can)
			news, err := serveLane(tx, to, can)
			if err != nil {
				return nil, err
			}
			if to == lane {
				if news { // it had been dropped
					moved = append(moved, lane)
				}
				continue
			}
			count, err := tx.Exec(`UPDATE jobs SET lane = $4 WHERE account_id = $1 AND lane = $2 AND state = 'pending' AND held = 0 AND needs = $3`,
				a.id, lane, digest, to)
			if err != nil {
				return nil, err
			}
			if _, err := a.enterLane(tx, to, m.generation, count); err != nil {
				return nil, err
			}
			left[string(lane)] -= count
			moved = append(moved, to)
		}
		if _, err := tx.Exec(`UPDATE lanes SET judged = $3 WHERE account_id = $1 AND lane = $2`, a.id, lane, m.generation); err != nil {
			return nil, err
		}
	}
	if err := a.save(tx, left); err != nil {
		return nil, err
	}
	_, err = tx.Exec(`DELETE FROM lanes WHERE account_id = $1 AND queued = 0`, a.id)
	return moved, err
}

// needs are those of the account's jobs that wait in a lane, by digest; jobs
// that any worker of its pools can run are not among them.
func (a *account) needs(tx *Tx, lane queue.Lane) (map[string]workflow.Needs, error) {
	digests, err := Collect(tx, One[string], `SELECT DISTINCT needs FROM jobs
		WHERE account_id = $1 AND lane = $2 AND state = 'pending' AND held = 0 AND needs <> ''`, a.id, lane)
	if err != nil {
		return nil, err
	}
	all := map[string]workflow.Needs{}
	for _, digest := range digests {
		var n workflow.Needs
		err := tx.QueryRow(`SELECT body FROM needs WHERE digest = $1`, digest).Scan(Decode(&n))
		if found, err := Found(err); err != nil {
			return nil, err
		} else if found {
			all[digest] = n
		}
	}
	return all, nil
}
