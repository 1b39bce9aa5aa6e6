package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// A commit is on the disk when it is answered, on a server too that has it
// otherwise for its own clients.
func TestCommitsWaitForTheDisk(t *testing.T) {
	db := storetest.Postgres(t)
	if err := db.Write(t.Context(), func(tx *store.Tx) error {
		var set string
		if err := tx.QueryRow(`SHOW synchronous_commit`).Scan(&set); err != nil {
			return err
		}
		if set == "off" {
			t.Error("synchronous_commit is off")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A database that is away is told from a unit that failed: whoever asked may
// try again. It is back as soon as it is there again.
func TestAway(t *testing.T) {
	cluster := storetest.PostgresToKill(t)
	db := storetest.Open(t, cluster.URL)
	failed := errors.New("the unit's own")
	if err := db.Write(t.Context(), func(*store.Tx) error { return failed }); !errors.Is(err, failed) || settee.CodeOf(err) != settee.CodeInternal {
		t.Errorf("a unit that failed: %v", err)
	}
	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // a connection that broke, and one that cannot be made
		if err := db.Write(t.Context(), tier("x")); settee.CodeOf(err) != settee.CodeUnavailable {
			t.Errorf("a unit: %v", err)
		}
		if err := db.Read(t.Context(), func(*store.Tx) error { return nil }); settee.CodeOf(err) != settee.CodeUnavailable {
			t.Errorf("a look: %v", err)
		}
	}
	cluster.Restart(t)
	if err := db.Write(t.Context(), tier("back")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tiers(t, db), " "); !strings.Contains(got, "back") || strings.Contains(got, "x ") {
		t.Errorf("tiers %s", got)
	}
}

// A commit that is not answered may have been done or not, and is not called
// unavailable: whoever tried again might do it twice.
func TestACommitThatIsNotAnswered(t *testing.T) {
	cluster := storetest.PostgresToKill(t)
	db := storetest.Open(t, cluster.URL)
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		if err := tier("perhaps")(tx); err != nil {
			return err
		}
		return cluster.Kill() // the unit is whole, and nobody is there to commit it
	})
	if err == nil || settee.CodeOf(err) != settee.CodeInternal {
		t.Errorf("answered %v", err)
	}
	cluster.Restart(t)
	if err := db.Write(t.Context(), tier("perhaps")); err != nil {
		t.Errorf("it was not committed here: %v", err)
	}
}

// Callers who give up in the middle of a unit hear that they did, and nobody
// beside them hears of the connections that break with it.
func TestGivingUpHarmsNobody(t *testing.T) {
	db := storetest.Postgres(t)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			for k := range 5 {
				ctx, giveUp := context.WithCancel(context.Background())
				err := db.Write(ctx, func(tx *store.Tx) error {
					name := tier(fmt.Sprint(i, "-", k))
					if err := name(tx); err != nil || i%2 == 0 {
						return err
					}
					giveUp()
					return tx.QueryRow(`SELECT 1`).Scan(new(int))
				})
				giveUp()
				if given := i%2 == 1; given != errors.Is(err, context.Canceled) || !given && err != nil {
					t.Errorf("%d gave up: %v; it was answered %v", i, given, err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(tiers(t, db)); got != 150 {
		t.Errorf("kept %d, want 150", got)
	}
}
