package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee/internal/pool"
)

// savePool writes down what a pool can run now: what the worker that came last
// says of itself.
func savePool(tx *Tx, name string, definitions json.RawMessage, now time.Time) error {
	if definitions == nil {
		definitions = json.RawMessage("{}")
	}
	sum := blake3.Sum256(definitions)
	hash := hex.EncodeToString(sum[:])
	if _, err := tx.Exec(`INSERT INTO node_definitions (hash, body) VALUES ($1, $2)
		ON CONFLICT (hash) DO NOTHING`, hash, definitions); err != nil {
		return err
	}
	var before string
	if _, err := Found(tx.QueryRow(`SELECT definitions FROM pools WHERE name = $1`, name).Scan(&before)); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO pools (name, definitions, price, created_at, updated_at) VALUES ($1, $2, 0, $3, $3)
		ON CONFLICT (name) DO UPDATE SET definitions = excluded.definitions, updated_at = excluded.updated_at`,
		name, hash, now); err != nil || before == hash || before == "" {
		return err
	}
	_, err := tx.Exec(`DELETE FROM node_definitions WHERE hash = $1
		AND NOT EXISTS (SELECT 1 FROM pools WHERE definitions = $1)`, before)
	return err
}

// Pools lists the pools: those with a worker first, then the cheapest
// (pool.Store).
func (db *DB) Pools(ctx context.Context, now time.Time) (pools []pool.Pool, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		pools, err = Collect(tx, func(scan func(...any) error) (p pool.Pool, err error) {
			err = scan(&p.Name, &p.Hash, &p.Price, &p.Live, Time(&p.UpdatedAt))
			return p, err
		}, `SELECT p.name, p.definitions, p.price, EXISTS (SELECT 1 FROM worker_sessions s
				WHERE s.pool = p.name AND s.closed_at IS NULL AND s.expires_at > $1), p.updated_at
			FROM pools p ORDER BY 4 DESC, p.price, p.created_at, p.name`, now)
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
func (db *DB) Devices(ctx context.Context, now time.Time) (lists []json.RawMessage, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		lists, err = Collect(tx, func(scan func(...any) error) (list json.RawMessage, err error) {
			err = scan(JSON(&list))
			return list, err
		}, `SELECT w.devices FROM workers w WHERE EXISTS (SELECT 1 FROM worker_sessions s
				WHERE s.worker_id = w.id AND s.closed_at IS NULL AND s.expires_at > $1)
			ORDER BY w.created_at, w.id`, now)
		return err
	})
	return lists, err
}
