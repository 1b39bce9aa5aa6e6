// Package storetest gives tests fresh databases: SQLite always, PostgreSQL when
// SETTEE_TEST_POSTGRES names a server where databases may be created, or when
// PostgreSQL's binaries are installed (a server of the test's own is started,
// once a test binary). Without either, tests on PostgreSQL are skipped, or fail
// when SETTEE_TEST_REQUIRE is set.
package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/store"
	"go.uber.org/goleak"
)

// Main runs a package's tests, stops what they started and checks that no
// goroutine is left. Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping PostgreSQL:", err)
		code = 1
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// Stop ends what the tests started, for a TestMain that does not call Main.
func Stop() error { return stop() }

// Each runs f on an empty database of each kind.
func Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite opens an empty SQLite database.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settee.db")
	Fresh(t, path)
	return Open(t, "sqlite:"+path)
}

// Postgres opens an empty PostgreSQL database, or skips the test.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, freshPostgres(t))
}

// Open opens a database until the test ends.
func Open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Account makes an account with a tier of its own. Limits that are zero are
// none; a zero weight is 1.
func Account(t testing.TB, db *store.DB, id string, tier settee.Tier) {
	t.Helper()
	if tier.Weight == 0 {
		tier.Weight = 1
	}
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Exec(`INSERT INTO tiers (name, api, concurrent, queue_limit, runtime_cap, monthly_credits, weight)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, "tier of "+id, true, tier.Concurrent, tier.QueueLimit,
			tier.RuntimeCap.Microseconds(), tier.MonthlyCredits, tier.Weight); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO accounts (id, name, tier, disabled, created_at) VALUES ($1, $2, $3, $4, 1)`,
			id, "name of "+id, "tier of "+id, false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
