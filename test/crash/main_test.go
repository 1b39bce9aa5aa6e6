// Package crash kills servers and databases under load, or asks them to stop,
// and asks afterwards for everything that was acknowledged.
//
// SETTEE_TEST_KILLS says how often each server is killed (6),
// SETTEE_TEST_DATABASE_KILLS how often PostgreSQL is (3).
package crash_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/settee/settee/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := storetest.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping PostgreSQL:", err)
		code = 1
	}
	os.Exit(code)
}

// times is the number that an environment variable holds, or usual.
func times(t *testing.T, name string, usual int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// each runs f on each kind of database, given as process.On takes it.
func each(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "") })
	t.Run("postgres", func(t *testing.T) { f(t, storetest.PostgresURL(t)) })
}
