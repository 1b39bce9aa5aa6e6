package store

import (
	"context"
	"time"

	"github.com/settee/settee/internal/engine"
)

// keep writes down that bytes are kept, and keeps those that came along. loose is
// since when nothing refers to them; zero: something does.
func keep(tx *Tx, b engine.Bytes, loose time.Time) error {
	backend := "disk"
	if b.Small != nil {
		backend = "database"
	}
	if _, err := tx.Exec(`INSERT INTO blobs (hash, size, backend, key, state, unreferenced_since) VALUES ($1, $2, $3, $1, 'stored', $4)
		ON CONFLICT (hash) DO UPDATE SET unreferenced_since = excluded.unreferenced_since
		WHERE blobs.unreferenced_since IS NOT NULL`, b.Hash, b.Size, backend, loose); err != nil || b.Small == nil {
		return err
	}
	// Also where they are a file, which may be gone.
	_, err := tx.Exec(`INSERT INTO blob_contents (hash, content) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, b.Hash, binary(b.Small))
	return err
}

// SaveBlob writes down that bytes are kept (asset.Store).
func (db *DB) SaveBlob(ctx context.Context, b engine.Bytes, now time.Time) error {
	return db.Write(ctx, func(tx *Tx) error { return keep(tx, b, now) })
}

// SmallBlob reads bytes that came along (asset.Store).
func (db *DB) SmallBlob(ctx context.Context, hash string) (content []byte, found bool, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`SELECT content FROM blob_contents WHERE hash = $1`, hash).Scan(&content)
		found, err = Found(err)
		return err
	})
	return content, found, err
}

// RefreshBlob gives bytes that nothing refers to a new lease of life
// (asset.Store). It looks before it writes: new bytes have no row yet, and old
// ones mostly have owners.
func (db *DB) RefreshBlob(ctx context.Context, hash string, now time.Time) error {
	var loose bool
	err := db.Glance(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`SELECT unreferenced_since IS NOT NULL FROM blobs WHERE hash = $1`, hash).Scan(&loose)
		_, err = Found(err)
		return err
	})
	if err != nil || !loose {
		return err
	}
	return db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE blobs SET unreferenced_since = $2 WHERE hash = $1 AND unreferenced_since IS NOT NULL`, hash, now)
		return err
	})
}
