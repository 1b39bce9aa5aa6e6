package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/settee/settee/internal/pool"
)

// variants lists what the workers of each pool can run, by pool: variants with a
// worker that is here first, the one that came last before the others, then what
// was seen last. The order stays as long as nobody comes or goes: what is shown
// of the nodes depends on it. A pool whose workers have all been removed keeps
// what it could run last.
func variants(tx *Tx, now time.Time) (map[string][]pool.Variant, error) {
	type row struct {
		pool string
		pool.Variant
	}
	rows, err := Collect(tx, func(scan func(...any) error) (r row, err error) {
		err = scan(&r.pool, &r.Hash, &r.Live)
		return r, err
	}, `SELECT pool, definitions, MAX(opened) IS NOT NULL FROM (SELECT w.pool, w.definitions, w.seen_at,
				(SELECT MAX(s.opened_at) FROM worker_sessions s
					WHERE s.worker_id = w.id AND s.closed_at IS NULL AND s.expires_at > $1) AS opened
				FROM workers w JOIN node_definitions d ON d.hash = w.definitions) v
			GROUP BY pool, definitions ORDER BY pool, MAX(opened) DESC NULLS LAST,
				MAX(CASE WHEN opened IS NULL THEN seen_at END) DESC NULLS LAST, definitions`, now)
	if err != nil {
		return nil, err
	}
	left, err := Collect(tx, func(scan func(...any) error) (r row, err error) {
		err = scan(&r.pool, &r.Hash)
		return r, err
	}, `SELECT p.name, p.definitions FROM pools p WHERE NOT EXISTS (
			SELECT 1 FROM workers w JOIN node_definitions d ON d.hash = w.definitions WHERE w.pool = p.name)`)
	all := map[string][]pool.Variant{}
	for _, r := range append(rows, left...) {
		all[r.pool] = append(all[r.pool], r.Variant)
	}
	return all, err
}

// generation counts the variants that there ever were.
func generation(tx *Tx) (n int64, err error) {
	err = tx.QueryRow(`SELECT n FROM generation`).Scan(&n)
	return n, err
}

// Pools lists the pools and their variants: pools with a worker first, then the
// cheapest (pool.Store).
func (db *DB) Pools(ctx context.Context, now time.Time) (pools []pool.Pool, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		n, err := generation(tx)
		if err != nil {
			return err
		}
		all, err := variants(tx, now)
		if err != nil {
			return err
		}
		pools, err = Collect(tx, func(scan func(...any) error) (p pool.Pool, err error) {
			err = scan(&p.Name, &p.Price, &p.Live, Time(&p.UpdatedAt))
			p.Generation, p.Variants = n, all[p.Name]
			return p, err
		}, `SELECT p.name, p.price, EXISTS (SELECT 1 FROM worker_sessions s
				WHERE s.pool = p.name AND s.closed_at IS NULL AND s.expires_at > $1), p.updated_at
			FROM pools p ORDER BY 3 DESC, p.price, p.created_at, p.name`, now)
		return err
	})
	return pools, err
}

// Definitions reads node definitions by their hash (pool.Store).
func (db *DB) Definitions(ctx context.Context, hash string) (body json.RawMessage, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT body FROM node_definitions WHERE hash = $1`, hash).Scan(JSON(&body))
	})
	return body, err
}

// Devices is what the live workers run on: the elements of their devices
// arrays, in the order the workers came (pool.Store).
func (db *DB) Devices(ctx context.Context, now time.Time) ([]json.RawMessage, error) {
	return db.told(ctx, `devices`, now)
}

// Models are the live workers' lists of models by folder, in the order the
// workers came (pool.Store).
func (db *DB) Models(ctx context.Context, now time.Time) ([]json.RawMessage, error) {
	return db.told(ctx, `models`, now)
}

// told is what each live worker said of itself in a column.
func (db *DB) told(ctx context.Context, column string, now time.Time) (all []json.RawMessage, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		all, err = Collect(tx, func(scan func(...any) error) (one json.RawMessage, err error) {
			err = scan(JSON(&one))
			return one, err
		}, `SELECT w.`+column+` FROM workers w WHERE EXISTS (SELECT 1 FROM worker_sessions s
				WHERE s.worker_id = w.id AND s.closed_at IS NULL AND s.expires_at > $1)
			ORDER BY w.created_at, w.id`, now)
		return err
	})
	return all, err
}

var _ pool.Store = (*DB)(nil)
