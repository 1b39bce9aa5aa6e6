package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// BenchmarkPast is a claim, a status and the first page of a list of an account
// with a thousand jobs behind it, and with very many, on both databases.
func BenchmarkPast(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.DB{"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			few, many := 1000, sized(1_000_000)
			small, large := open(b), open(b)
			prepare(b, small, few)
			prepare(b, large, many)
			for _, ask := range []struct {
				what string
				run  func(*testing.B, *store.DB, int) time.Duration
			}{{"claim", claim}, {"status", status}, {"first list page", firstPage}} {
				n := 0
				measure := func(db *store.DB, jobs int) func() float64 {
					return func() float64 {
						var all []time.Duration
						for range 200 {
							n++
							all = append(all, ask.run(b, db, n%jobs))
						}
						return ms(percentile(all, .5))
					}
				}
				after, before := versus(3, measure(large, many), measure(small, few))
				compare(fmt.Sprintf("%s, p50, %d jobs beside %d, %s", ask.what, many, few, name), after, before, " ms", 1.3, false)
			}
		})
	}
}

func prepare(b *testing.B, db *store.DB, jobs int) {
	storetest.Account(b, db, "a", settee.Tier{})
	// Of these, enough wait for a claim each.
	seed(b, db, "a", "", past{ended: jobs - min(900, jobs), queued: min(900, jobs)})
	if _, err := db.OpenSession(context.Background(), queue.Opening{Session: session, Worker: "bench",
		Until: time.Now().Add(time.Hour)}, time.Now()); err != nil {
		b.Fatal(err)
	}
	if db.Dialect() == store.Postgres { // as its own housekeeping does after such a change
		write(b, db, func(tx *store.Tx) error { _, err := tx.Exec(`ANALYZE`); return err })
	}
}

var session = queue.Session{ID: "bench-session", WorkerID: "bench-worker", Pool: "absent", Depth: 1}

func claim(b *testing.B, db *store.DB, _ int) time.Duration {
	began := time.Now()
	c, err := db.ClaimJob(b.Context(), session, false, began)
	took := time.Since(began)
	if err != nil || c == nil {
		b.Fatalf("claimed %v, %v", c, err)
	}
	return took
}

func status(b *testing.B, db *store.DB, i int) time.Duration {
	began := time.Now()
	_, err := db.JobByPrompt(b.Context(), "a", fmt.Sprintf("018b-a-%09d", i))
	took := time.Since(began)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func firstPage(b *testing.B, db *store.DB, _ int) time.Duration {
	began := time.Now()
	jobs, _, err := db.ListJobs(b.Context(), "a", record.Filter{Limit: 100})
	took := time.Since(began)
	if err != nil || len(jobs) != 100 {
		b.Fatalf("%d jobs, %v", len(jobs), err)
	}
	return took
}
