package store

import (
	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// noPrefix is the prefix of no file.
const noPrefix = "/"

// count moves an account's file counters past the numbers that a name takes, so
// that new files go on after it. ours is the prefix whose counter gave the name
// its number, and has moved.
func count(tx *Tx, accountID string, f settee.File, ours string) error {
	if f.Type == settee.Input {
		return nil // nothing is numbered there
	}
	for _, c := range record.Counters(f.Filename) {
		if c.Prefix == ours {
			continue
		}
		if _, err := tx.Exec(`INSERT INTO output_counters (account_id, type, subfolder, prefix, next) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account_id, type, subfolder, prefix) DO UPDATE SET next = excluded.next
			WHERE output_counters.next < excluded.next`, accountID, f.Type, f.Subfolder, c.Prefix, c.N+1); err != nil {
			return err
		}
	}
	return nil
}
