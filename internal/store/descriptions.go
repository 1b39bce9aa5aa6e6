package store

import (
	"context"
	"time"

	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// saveWorker writes down a worker and what it says of itself, and answers its
// id: o's, or the one it had before. Descriptions come one after another. When
// its pool had no worker with these definitions, the generation moves on, and
// waiting jobs will be compared with them (RefreshLanes).
func saveWorker(tx *Tx, o queue.Opening, now time.Time) (id string, err error) {
	d := o.Description
	if d.Definitions == nil {
		d.Definitions = []byte("{}")
	}
	if d.Devices == nil {
		d.Devices = []byte("[]")
	}
	if d.Models == nil {
		d.Models = []byte("{}")
	}
	var n int64
	if err := tx.QueryRow(`SELECT n FROM generation` + tx.ForUpdate(false)).Scan(&n); err != nil {
		return "", err
	}
	hash := workflow.Hash(d.Definitions)
	var known bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM workers WHERE pool = $1 AND definitions = $2)`, o.Pool, hash).Scan(&known); err != nil {
		return "", err
	}
	if _, err := tx.Exec(`INSERT INTO node_definitions (hash, body) VALUES ($1, $2)
		ON CONFLICT (hash) DO NOTHING`, hash, d.Definitions); err != nil {
		return "", err
	}
	if _, err := tx.Exec(`INSERT INTO pools (name, definitions, price, created_at, updated_at) VALUES ($1, $2, 0, $3, $3)
		ON CONFLICT (name) DO UPDATE SET definitions = excluded.definitions, updated_at = excluded.updated_at`,
		o.Pool, hash, now); err != nil {
		return "", err
	}
	if err := tx.QueryRow(`INSERT INTO workers (id, name, pool, engine, version, devices, drained, created_at, seen_at, key_id,
			definitions, models)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)
		ON CONFLICT (name) DO UPDATE SET pool = excluded.pool, engine = excluded.engine, version = excluded.version,
			devices = excluded.devices, seen_at = excluded.seen_at, key_id = excluded.key_id,
			definitions = excluded.definitions, models = excluded.models
		RETURNING id`,
		o.WorkerID, o.Worker, o.Pool, d.Engine, d.Version, d.Devices, false, now, o.KeyID, hash, d.Models).Scan(&id); err != nil {
		return "", err
	}
	if known {
		return id, nil
	}
	if _, err := tx.Exec(`UPDATE generation SET n = n + 1`); err != nil {
		return "", err
	}
	return id, tidy(tx, now)
}

// sweepEach is how often lanes are swept; each that is left costs claims a query.
const sweepEach = time.Hour

// sweep tidies when that is due and there are lanes in which nobody waits.
func (db *DB) sweep(ctx context.Context, now time.Time) error {
	at := db.swept.Load()
	if at > now.Add(-sweepEach).UnixMicro() || !db.swept.CompareAndSwap(at, now.UnixMicro()) || at == 0 {
		return nil
	}
	var some bool
	if err := db.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM lane_variants WHERE lane NOT IN (SELECT lane FROM lanes WHERE queued > 0))`).Scan(&some)
	}); err != nil || !some {
		return err
	}
	return db.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(`UPDATE generation SET n = n + 1`); err != nil {
			return err
		}
		return tidy(tx, now)
	})
}

// tidy drops what no description, lane or job refers to any more. Lanes that
// jobs enter at this moment are made again by RefreshLanes, because the caller
// has moved the generation on.
func tidy(tx *Tx, now time.Time) error {
	if _, err := tx.Exec(`DELETE FROM node_definitions WHERE hash NOT IN (SELECT definitions FROM workers)
		AND hash NOT IN (SELECT definitions FROM pools)`); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM lane_variants WHERE lane NOT IN (SELECT lane FROM lanes WHERE queued > 0)`); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM needs WHERE used_at < $1
		AND digest NOT IN (SELECT needs FROM jobs WHERE state IN ('pending', 'in_progress'))`, now.Add(-2*needsKept))
	return err
}

// needsKept is how far behind the time is when needs were used last.
const needsKept = time.Hour
