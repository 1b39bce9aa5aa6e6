package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// tier writes a row whose primary key is name.
func tier(name string) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO tiers (name, api, concurrent, queue_limit, runtime_cap, monthly_credits, weight)
			VALUES ($1, $2, 0, 0, 0, 0, 1)`, name, true)
		return err
	}
}

func tiers(t *testing.T, db *store.DB) (names []string) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *store.Tx) (err error) {
		names, err = store.Collect(tx, store.One[string], `SELECT name FROM tiers ORDER BY name`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Units that wait for the same commit do not harm each other: a duplicate and a
// panic fail alone.
func TestNeighboursUnharmed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Write(t.Context(), tier("taken")); err != nil {
			t.Fatal(err)
		}
		var (
			wg    sync.WaitGroup
			start = make(chan struct{})
			errs  = make([]error, 30)
		)
		for i := range errs {
			wg.Go(func() {
				<-start
				defer func() {
					if p := recover(); p != nil {
						errs[i] = fmt.Errorf("panic: %v", p)
					}
				}()
				errs[i] = db.Write(context.Background(), func(tx *store.Tx) error {
					if err := tier(fmt.Sprintf("unit %02d", i))(tx); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return tier("taken")(tx) // a duplicate: the whole unit is undone
					case 2:
						panic("boom")
					}
					return nil
				})
			})
		}
		close(start)
		wg.Wait()
		want := ""
		for i, err := range errs {
			switch i % 3 {
			case 0:
				if err != nil {
					t.Errorf("unit %d: %v", i, err)
				}
				want += fmt.Sprintf(" unit %02d", i)
			case 1:
				if err == nil {
					t.Errorf("unit %d wrote a duplicate", i)
				}
			case 2:
				if err == nil || err.Error() != "panic: boom" {
					t.Errorf("unit %d: %v, want its panic", i, err)
				}
			}
		}
		if got := strings.Join(tiers(t, db), " "); got != "taken"+want {
			t.Errorf("kept %q, want %q", got, "taken"+want)
		}
	})
}

// A unit that fails is undone and its error is the caller's own.
func TestFailingUnit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		mine := errors.New("mine")
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := tier("gone")(tx); err != nil {
				return err
			}
			return mine
		})
		if !errors.Is(err, mine) {
			t.Errorf("error %v, want mine", err)
		}
		if got := tiers(t, db); len(got) != 0 {
			t.Errorf("kept %q", got)
		}
	})
}

// A snapshot does not see what is written while it is read.
func TestSnapshot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		count := func(tx *store.Tx) (n int) {
			if err := tx.QueryRow(`SELECT COUNT(*) FROM tiers`).Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			before := count(tx)
			if err := db.Write(t.Context(), tier("later")); err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("saw %d rows, then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := tiers(t, db); len(got) != 1 {
			t.Errorf("kept %q", got)
		}
	})
}

// A unit whose caller gave up before it began is not run.
func TestGivingUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Write(ctx, tier("never")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want canceled", err)
		}
		if got := tiers(t, db); len(got) != 0 {
			t.Errorf("kept %q", got)
		}
	})
}

// Reading cannot write.
func TestReadIsReadOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Read(t.Context(), tier("sneaked in")); err == nil {
			t.Error("wrote in a snapshot")
		}
	})
}

// Every connection that writes waits for the disk and checks references.
func TestPragmas(t *testing.T) {
	db := storetest.SQLite(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		look := func(tx *store.Tx) error { return tx.QueryRow("PRAGMA " + pragma).Scan(&got) }
		if err := db.Write(t.Context(), look); err != nil || got != want {
			t.Errorf("the writer has %s %q, want %q (%v)", pragma, got, want, err)
		}
		for range 16 { // more than there are readers
			got = ""
			if err := db.Read(t.Context(), look); err != nil || got != want {
				t.Errorf("a reader has %s %q, want %q (%v)", pragma, got, want, err)
			}
		}
	}
}

// A newer schema is refused, and the file is left as it is.
func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settee.db")
	db, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)`, true)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(t.Context(), "sqlite:"+path); err == nil {
		db.Close()
		t.Fatal("opened a database with schema 9999")
	}
	if !strings.Contains(err.Error(), "schema 9999") {
		t.Errorf("error %q does not name the schema", err)
	}
	if copies, _ := filepath.Glob(path + ".before-*"); len(copies) != 0 {
		t.Errorf("made copies %q", copies)
	}
}

// Several servers may open a new PostgreSQL database at once.
func TestOpenTogether(t *testing.T) {
	url := storetest.PostgresURL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(context.Background(), url)
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
}

// The servers of a database agree on the time.
func TestClock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		before := time.Now()
		now := db.Clock()()
		if off := now.Sub(before); off < -time.Minute || off > time.Minute {
			t.Errorf("the clock is %s off, on one machine", off)
		}
	})
}

// A closed database refuses work and does not hang.
func TestClosed(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "gone.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), tier("late")); err == nil {
		t.Error("wrote to a closed database")
	}
	if err := db.Read(t.Context(), func(*store.Tx) error { return nil }); err == nil {
		t.Error("read from a closed database")
	}
}
