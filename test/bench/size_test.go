package bench

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/test/process"
)

// BenchmarkSize is the trivial job of an account that has much, beside itself
// when it had nothing.
func BenchmarkSize(b *testing.B) {
	const jobs = 200
	empty, large := house(b), house(b)
	p := past{ended: sized(1_000_000), queued: sized(10_000), kept: sized(50_000)}
	large.Stop()
	func() {
		db, err := store.Open(b.Context(), "sqlite:"+filepath.Join(large.Data, "settee.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		seed(b, db, account(b, db), filepath.Join(large.Data, "blobs"), p)
	}()
	large.Start()
	without, with := newClient(b, empty.URL, process.Key), newClient(b, large.URL, process.Key)
	trips(b, without, 1, 20)
	trips(b, with, 1, 20)
	n := 1000
	measure := func(c *client) func() float64 {
		return func() float64 {
			n += jobs
			all, wrong := trips(b, c, n, jobs)
			if wrong > 0 {
				b.Fatalf("%d pictures were wrong", wrong)
			}
			return ms(percentile(fetched(all), .5))
		}
	}
	after, before := versus(3, measure(with), measure(without))
	compare(fmt.Sprintf("trivial job, p50, beside %d outputs kept, %d queued, %d in history", p.kept, p.queued, p.ended),
		after, before, " ms", 1.3, false)
}

// account is the id of account default.
func account(b *testing.B, db *store.DB) (id string) {
	b.Helper()
	if err := db.Read(b.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT id FROM accounts WHERE name = 'default'`).Scan(&id)
	}); err != nil {
		b.Fatal(err)
	}
	return id
}
