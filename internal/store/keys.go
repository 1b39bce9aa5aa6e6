package store

import (
	"context"
	"time"

	"github.com/settee/settee"
)

const keyColumns = `k.id, COALESCE(k.account_id, ''), k.name, k.prefix, k.scope, k.pool, k.created_at`

func scanKey(scan func(dest ...any) error) (k settee.Key, err error) {
	err = scan(&k.ID, &k.AccountID, &k.Name, &k.Prefix, &k.Scope, &k.Pool, Time(&k.CreatedAt))
	return k, err
}

// CreateKey writes a key down by the hash of its secret (account.Store).
func (db *DB) CreateKey(ctx context.Context, k settee.Key, hash string) error {
	return db.Write(ctx, func(tx *Tx) error { return insertKey(tx, k, hash) })
}

func insertKey(tx *Tx, k settee.Key, hash string) error {
	var owner any // NULL for a key that is no account's
	if k.AccountID != "" {
		owner = k.AccountID
	}
	_, err := tx.Exec(`INSERT INTO api_keys (id, account_id, name, prefix, hash, scope, pool, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, k.ID, owner, k.Name, k.Prefix, hash, k.Scope, k.Pool, k.CreatedAt)
	return err
}

// FirstKey writes a key down unless its account ever had one of that name
// (account.Store). The account's row is held meanwhile, so that of two servers
// one makes it.
func (db *DB) FirstKey(ctx context.Context, k settee.Key, hash string) (made bool, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		var id string
		if err := tx.QueryRow(`SELECT id FROM accounts WHERE id = $1`+tx.ForUpdate(false), k.AccountID).Scan(&id); err != nil {
			return err
		}
		var had bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM api_keys WHERE account_id = $1 AND name = $2)`, id, k.Name).Scan(&had); err != nil {
			return err
		}
		if made = !had; had {
			return nil
		}
		return insertKey(tx, k, hash)
	})
	return made, err
}

// KeyByHash finds a key and its account (account.Store).
func (db *DB) KeyByHash(ctx context.Context, hash string) (a settee.Account, k settee.Key, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		k, err = scanKey(tx.QueryRow(`SELECT `+keyColumns+` FROM api_keys k WHERE k.hash = $1 AND k.deleted_at IS NULL`, hash).Scan)
		if found, err := Found(err); err != nil {
			return err
		} else if !found {
			return settee.Faultf(settee.CodeNotFound, "There is no such key.")
		}
		if k.AccountID == "" {
			a = settee.Account{}
			return nil
		}
		a, err = scanAccount(tx.QueryRow(`SELECT `+accountColumns+accountTables+`WHERE a.id = $1`, k.AccountID).Scan)
		return err
	})
	return a, k, err
}

// Keys lists keys, oldest first (account.Store).
func (db *DB) Keys(ctx context.Context, accountID string) (all []settee.Key, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		query, args := `SELECT `+keyColumns+` FROM api_keys k WHERE k.deleted_at IS NULL`, []any{}
		if accountID != "" {
			query, args = query+` AND k.account_id = $1`, append(args, accountID)
		}
		all, err = Collect(tx, scanKey, query+` ORDER BY k.created_at, k.id`, args...)
		return err
	})
	return all, err
}

// DeleteKey deletes one key and ends the sessions of workers that it let in; what
// they held goes back to the queue (account.Store).
func (db *DB) DeleteKey(ctx context.Context, id, prefix, hash string, now time.Time) error {
	return db.Write(ctx, func(tx *Tx) error {
		ids, err := Collect(tx, One[string], `SELECT id FROM api_keys
			WHERE deleted_at IS NULL AND (id = $1 OR prefix = $2 OR hash = $3)`, id, prefix, hash)
		switch {
		case err != nil:
			return err
		case len(ids) == 0:
			return settee.Faultf(settee.CodeNotFound, "There is no such key.")
		case len(ids) > 1:
			return settee.Faultf(settee.CodeConflict, "Several keys begin with these characters; name one by its id.")
		}
		if _, err = tx.Exec(`UPDATE api_keys SET deleted_at = $2 WHERE id = $1`, ids[0], now); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE worker_sessions SET closed_at = $2, reason = $3
			WHERE key_id = $1 AND key_id <> '' AND closed_at IS NULL`, ids[0], now, settee.ReasonDrained)
		return err
	})
}
