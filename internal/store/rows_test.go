package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
)

// What SQLite's rows hold goes into variables as with database/sql, or not at
// all.
func TestRowsOfTheDriver(t *testing.T) {
	var (
		text  string
		state settee.JobState
		n     int
		wide  int64
		share float64
		yes   bool
		maybe *string
		at    time.Time
		free  any
	)
	db, err := Open(t.Context(), "sqlite:"+t.TempDir()+"/settee.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ask := func(query string, dest ...any) error {
		return db.Read(t.Context(), func(tx *Tx) error { return tx.QueryRow(query).Scan(dest...) })
	}
	if err := ask(`SELECT 'ü', 'pending', 7, 9007199254740993, 2, 1, NULL, 1700000000000001, 1.5, 12`,
		&text, &state, &n, &wide, &share, &yes, &maybe, Time(&at), &free, &text); err != nil {
		t.Fatal(err)
	}
	if text != "12" || state != settee.Pending || n != 7 || wide != 9007199254740993 || share != 2 || !yes || maybe != nil ||
		at.UnixMicro() != 1700000000000001 || free != 1.5 {
		t.Error(text, state, n, wide, share, yes, maybe, at, free)
	}
	for _, c := range []struct {
		query string
		dest  any
	}{
		{"SELECT NULL", &text}, {"SELECT NULL", &n}, {"SELECT 'x'", &n}, {"SELECT 1.5", &n}, {"SELECT 2", &yes}, {"SELECT 'x'", &yes}, {"SELECT 'x'", Time(&at)},
	} {
		if err := ask(c.query, c.dest); err == nil {
			t.Errorf("%s is read into a %T", c.query, c.dest)
		}
	}
	if err := ask("SELECT 1, 2", &n); err == nil || !strings.Contains(err.Error(), "2 columns") {
		t.Error(err)
	}
	if err := ask("SELECT 1 WHERE 1 = 0", &n); !errors.Is(err, ErrNoRows) {
		t.Error(err)
	}
}

// More texts than are kept work too, and leave nothing behind.
func TestMoreStatementsThanAreKept(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+t.TempDir()+"/settee.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(tx *Tx) error {
		for i := range statementCap + 20 {
			n := -1
			text := strings.Repeat(" ", i)
			if err := tx.QueryRow("SELECT" + text + " 5").Scan(&n); err != nil || n != 5 {
				t.Fatal(n, err)
			}
			if _, err := tx.Exec("DELETE FROM" + text + " job_counts WHERE 1 = 0"); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
