package store

import (
	"context"
	"time"

	"github.com/settee/settee"
)

// accountColumns are read by scanAccount.
const accountColumns = `a.id, a.name, a.disabled, a.created_at,
	t.name, t.api, t.concurrent, t.queue_limit, t.runtime_cap, t.monthly_credits, t.weight`

const accountTables = ` FROM accounts a JOIN tiers t ON t.name = a.tier `

func scanAccount(scan func(dest ...any) error) (a settee.Account, err error) {
	var limit int64
	t := &a.Tier
	err = scan(&a.ID, &a.Name, &a.Disabled, Time(&a.CreatedAt),
		&t.Name, &t.API, &t.Concurrent, &t.QueueLimit, &limit, &t.MonthlyCredits, &t.Weight)
	t.RuntimeCap = time.Duration(limit) * time.Microsecond
	return a, err
}

// Bootstrap makes the tiers and the first account that are missing
// (account.Store).
func (db *DB) Bootstrap(ctx context.Context, tiers []settee.Tier, a settee.Account) error {
	return db.Write(ctx, func(tx *Tx) error {
		for _, t := range tiers {
			if _, err := tx.Exec(`INSERT INTO tiers (name, api, concurrent, queue_limit, runtime_cap, monthly_credits, weight)
				VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING`, t.Name, t.API, t.Concurrent,
				t.QueueLimit, t.RuntimeCap.Microseconds(), t.MonthlyCredits, t.Weight); err != nil {
				return err
			}
		}
		_, err := insertAccount(tx, a)
		return err
	})
}

// CreateAccount writes an account down (account.Store).
func (db *DB) CreateAccount(ctx context.Context, a settee.Account) (made settee.Account, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		var known bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM tiers WHERE name = $1)`, a.Tier.Name).Scan(&known); err != nil {
			return err
		}
		if !known {
			return settee.Faultf(settee.CodeInvalid, "There is no tier %q.", a.Tier.Name)
		}
		switch n, err := insertAccount(tx, a); {
		case err != nil:
			return err
		case n == 0:
			return settee.Faultf(settee.CodeConflict, "There is an account %q already.", a.Name)
		}
		made, err = accountByName(tx, a.Name)
		return err
	})
	return made, err
}

func insertAccount(tx *Tx, a settee.Account) (int64, error) {
	return tx.Exec(`INSERT INTO accounts (id, name, tier, disabled, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) DO NOTHING`, a.ID, a.Name, a.Tier.Name, a.Disabled, a.CreatedAt)
}

func accountByName(tx *Tx, name string) (settee.Account, error) {
	a, err := scanAccount(tx.QueryRow(`SELECT `+accountColumns+accountTables+`WHERE a.name = $1`, name).Scan)
	if found, err := Found(err); err != nil || found {
		return a, err
	}
	return a, settee.Faultf(settee.CodeNotFound, "There is no account %q.", name)
}

// Accounts lists all accounts by name (account.Store).
func (db *DB) Accounts(ctx context.Context) (all []settee.Account, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		all, err = Collect(tx, scanAccount, `SELECT `+accountColumns+accountTables+`ORDER BY a.name`)
		return err
	})
	return all, err
}

// AccountByName finds an account (account.Store).
func (db *DB) AccountByName(ctx context.Context, name string) (a settee.Account, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		a, err = accountByName(tx, name)
		return err
	})
	return a, err
}

// DisableAccount disables an account (account.Store).
func (db *DB) DisableAccount(ctx context.Context, name string) (a settee.Account, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(`UPDATE accounts SET disabled = $2 WHERE name = $1`, name, true); err != nil {
			return err
		}
		a, err = accountByName(tx, name)
		return err
	})
	return a, err
}
