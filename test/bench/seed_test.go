package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/settee/settee/internal/store"
)

// past is how much an account has behind and before it.
type past struct {
	ended  int // jobs in history
	queued int // jobs that wait, for a pool that has no worker
	kept   int // files it made
}

// seed gives an account a past, by plain inserts through the store. dir is the
// folder of its files, "" for none.
func seed(b *testing.B, db *store.DB, account, dir string, p past) {
	b.Helper()
	const chunk = 10_000
	for from := 0; from < p.ended+p.queued; from += chunk {
		write(b, db, func(tx *store.Tx) error {
			for i := from; i < min(from+chunk, p.ended+p.queued); i++ {
				if err := seedJob(tx, account, i, i >= p.ended); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for from := 0; from < p.kept; from += chunk {
		write(b, db, func(tx *store.Tx) error {
			for i := from; i < min(from+chunk, p.kept); i++ {
				if err := seedFile(tx, account, dir, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	write(b, db, func(tx *store.Tx) error { return seedCounters(tx, account, p) })
}

func write(b *testing.B, db *store.DB, f func(tx *store.Tx) error) {
	b.Helper()
	if err := db.Write(context.Background(), f); err != nil {
		b.Fatal(err)
	}
}

// long is when the past was, in microseconds.
const long = int64(1_700_000_000_000_000)

// seedJob writes one job down; they are a second apart.
func seedJob(tx *store.Tx, account string, i int, waits bool) error {
	id := fmt.Sprintf("018b-%s-%09d", account, i)
	at := long + int64(i)*1_000_000
	state, lane, attempt := "completed", "native", 1
	var started, ended any = at + 1000, at + 9000
	if waits {
		state, lane, attempt, started, ended = "pending", "absent", 0, nil, nil
	}
	if _, err := tx.Exec(`INSERT INTO jobs (id, account_id, prompt_id, client_id, workflow_id, state, reason, number, number_given,
			lane, attempt, crashes, cancel_requested, seq, outputs_count, media, created_at, started_at, ended_at, updated_at)
		VALUES ($1, $2, $1, '', '', $3, '', $4, $5, $6, $7, 0, $5, 4, 1, 'image', $8, $9, $10, $8)`,
		id, account, state, float64(i+1), false, lane, attempt, at, started, ended); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO job_graphs (job_id, prompt, edits, extra_data, outputs, secrets) VALUES ($1, $2, '[]', '{}', '["2"]', NULL)`,
		id, fmt.Sprintf(graph, i)); err != nil || waits {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO attempts (job_id, n, session_id, account_id, pool, claimed_at, started_at, ended_at, reason, seconds, estimate)
		VALUES ($1, 1, 'past', $2, 'native', $3, $3, $4, '', 0.01, 0)`, id, account, at, at+9000); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO job_results (job_id, error, outputs, meta, messages) VALUES ($1, NULL, '{}', '{}', '[]')`, id)
	return err
}

// seedFile writes one kept file down, on the disk too.
func seedFile(tx *store.Tx, account, dir string, i int) error {
	sum := sha256.Sum256(fmt.Append(nil, account, i))
	hash := hex.EncodeToString(sum[:])
	if dir != "" {
		if err := os.WriteFile(filepath.Join(dir, hash[:2], hash), sum[:], 0o600); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`INSERT INTO blobs (hash, size, backend, key, state) VALUES ($1, 32, 'disk', $1, 'stored')`, hash); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO assets (id, account_id, type, subfolder, filename, hash, size, mime, job_id, created_at, updated_at)
		VALUES ($1, $2, 'output', '', $3, $4, 32, 'image/png', NULL, $5, $5)`,
		fmt.Sprintf("past-%s-%d", account, i), account, fmt.Sprintf("bench_%05d_.png", i+1), hash, long+int64(i))
	return err
}

// seedCounters sets what is counted right.
func seedCounters(tx *store.Tx, account string, p past) error {
	for _, s := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO account_queue (account_id, running, queued, pass, typical, next_number, version) VALUES ($1, 0, $2, 0, 0.01, $3, 1)
			ON CONFLICT (account_id) DO UPDATE SET queued = account_queue.queued + excluded.queued, next_number = excluded.next_number`,
			[]any{account, p.queued, p.ended + p.queued + 1}},
		{`INSERT INTO job_counts (account_id, state, n) VALUES ($1, 'completed', $2)
			ON CONFLICT (account_id, state) DO UPDATE SET n = job_counts.n + excluded.n`, []any{account, p.ended}},
		{`INSERT INTO job_counts (account_id, state, n) VALUES ($1, 'pending', $2)
			ON CONFLICT (account_id, state) DO UPDATE SET n = job_counts.n + excluded.n`, []any{account, p.queued}},
		{`INSERT INTO lanes (account_id, lane, queued, pass, ready) VALUES ($1, 'absent', $2, 0, $3)
			ON CONFLICT (account_id, lane) DO NOTHING`, []any{account, p.queued, true}},
		{`INSERT INTO lane_pools (pool, lane) VALUES ('absent', 'absent') ON CONFLICT (pool, lane) DO NOTHING`, nil},
		{`INSERT INTO output_counters (account_id, type, subfolder, prefix, next) VALUES ($1, 'output', '', 'bench', $2)
			ON CONFLICT (account_id, type, subfolder, prefix) DO UPDATE SET next = excluded.next`, []any{account, p.kept + 1}},
	} {
		if _, err := tx.Exec(s.text, s.args...); err != nil {
			return fmt.Errorf("%s: %w", s.text, err)
		}
	}
	return nil
}
