package store

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine"
)

const assetColumns = `a.id, a.account_id, a.type, a.subfolder, a.filename, a.hash, a.size, a.mime, COALESCE(a.job_id, ''), a.created_at`

func scanAsset(scan func(dest ...any) error) (a settee.Asset, err error) {
	err = scan(&a.ID, &a.AccountID, &a.File.Type, &a.File.Subfolder, &a.File.Filename,
		&a.Blob.Hash, &a.Blob.Size, &a.MIME, &a.JobID, Time(&a.CreatedAt))
	return a, err
}

// SaveAsset names bytes (asset.Store).
func (db *DB) SaveAsset(ctx context.Context, a settee.Asset, small []byte, overwrite bool) (saved settee.Asset, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		if err := keep(tx, engine.Bytes{Blob: a.Blob, Small: small}, time.Time{}); err != nil {
			return err
		}
		if overwrite {
			saved, err = replaceAsset(tx, a)
		} else {
			saved, err = addAsset(tx, a)
		}
		if err != nil {
			return err
		}
		return count(tx, saved.AccountID, saved.File, noPrefix)
	})
	return saved, err
}

const insertAsset = `INSERT INTO assets AS a (id, account_id, type, subfolder, filename, hash, size, mime, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (account_id, type, subfolder, filename) DO `

func assetValues(a settee.Asset) []any {
	return []any{a.ID, a.AccountID, a.File.Type, a.File.Subfolder, a.File.Filename, a.Blob.Hash, a.Blob.Size, a.MIME, a.CreatedAt}
}

// replaceAsset gives the name to the new bytes. A row that has them already is
// left as it is.
func replaceAsset(tx *Tx, a settee.Asset) (settee.Asset, error) {
	if _, err := tx.Exec(insertAsset+`UPDATE SET hash = excluded.hash, size = excluded.size, mime = excluded.mime,
		job_id = NULL, created_at = excluded.created_at, updated_at = excluded.updated_at
		WHERE a.hash <> excluded.hash`, assetValues(a)...); err != nil {
		return a, err
	}
	return findAsset(tx, a.AccountID, a.File)
}

// addAsset finds these bytes under the name or one of its numbers, or takes the
// first that is free.
func addAsset(tx *Tx, a settee.Asset) (settee.Asset, error) {
	wish := a.File
	if found, err := sameBytes(tx, a); err != nil || found.ID != "" {
		return found, err
	}
	for {
		n, err := firstFree(func(n int) (bool, error) {
			var taken bool
			err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM assets WHERE account_id = $1 AND type = $2 AND subfolder = $3 AND filename = $4)`,
				a.AccountID, wish.Type, wish.Subfolder, asset.Numbered(wish.Filename, n)).Scan(&taken)
			return taken, err
		})
		if err != nil {
			return a, err
		}
		a.File.Filename = asset.Numbered(wish.Filename, n)
		made, err := tx.Exec(insertAsset+`NOTHING`, assetValues(a)...)
		if err != nil {
			return a, err
		}
		if made > 0 {
			return a, nil
		}
		// Another unit took the name meanwhile.
		if found, err := findAsset(tx, a.AccountID, a.File); err != nil || found.Blob == a.Blob {
			return found, err
		}
	}
}

// sameBytes is the account's file with these bytes whose name is the wished one
// with the least number; the zero Asset when there is none.
func sameBytes(tx *Tx, a settee.Asset) (best settee.Asset, err error) {
	all, err := Collect(tx, scanAsset, `SELECT `+assetColumns+` FROM assets a
		WHERE a.hash = $1 AND a.account_id = $2 AND a.type = $3 AND a.subfolder = $4`,
		a.Blob.Hash, a.AccountID, a.File.Type, a.File.Subfolder)
	least := -1
	for _, found := range all {
		if n, ok := asset.Number(found.File.Filename, a.File.Filename); ok && (least < 0 || n < least) {
			best, least = found, n
		}
	}
	return best, err
}

// firstFree is a number that is not taken, by doubling and halving: names that
// are used over and over must not cost a look at each. Where all numbers below
// are taken, as they are unless files were deleted, it is the least.
func firstFree(taken func(n int) (bool, error)) (int, error) {
	low, high := -1, 0 // low is taken
	for {
		t, err := taken(high)
		if err != nil {
			return 0, err
		}
		if !t {
			break
		}
		low, high = high, 2*high+1
	}
	for low+1 < high {
		middle := (low + high) / 2
		t, err := taken(middle)
		if err != nil {
			return 0, err
		}
		if t {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}

func findAsset(tx *Tx, accountID string, f settee.File) (settee.Asset, error) {
	return oneAsset(tx, `a.account_id = $1 AND a.type = $2 AND a.subfolder = $3 AND a.filename = $4`,
		accountID, f.Type, f.Subfolder, f.Filename)
}

func oneAsset(tx *Tx, where string, args ...any) (settee.Asset, error) {
	a, err := scanAsset(tx.QueryRow(`SELECT `+assetColumns+` FROM assets a WHERE `+where, args...).Scan)
	if found, err := Found(err); err != nil || found {
		return a, err
	}
	return a, settee.Faultf(settee.CodeNotFound, "There is no such file.")
}

// Asset finds a file by its name (asset.Store).
func (db *DB) Asset(ctx context.Context, accountID string, f settee.File) (a settee.Asset, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		a, err = findAsset(tx, accountID, f)
		return err
	})
	return a, err
}

// AssetByHash finds the account's newest file with these bytes (asset.Store).
func (db *DB) AssetByHash(ctx context.Context, accountID, hash string) (a settee.Asset, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		a, err = oneAsset(tx, `a.hash = $1 AND a.account_id = $2 ORDER BY a.created_at DESC, a.id DESC LIMIT 1`, hash, accountID)
		return err
	})
	return a, err
}

// Assets lists a folder of an account, newest first (asset.Store).
func (db *DB) Assets(ctx context.Context, accountID string, folder settee.FileType) (all []settee.Asset, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		all, err = Collect(tx, scanAsset, `SELECT `+assetColumns+` FROM assets a
			WHERE a.account_id = $1 AND a.type = $2 ORDER BY a.created_at DESC, a.id DESC`, accountID, folder)
		return err
	})
	return all, err
}
