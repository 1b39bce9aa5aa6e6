package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

func benchmarks(b *testing.B, f func(b *testing.B, q *queue.Service, db *store.DB)) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			storetest.Account(b, db, "a", settee.Tier{})
			f(b, queue.New(db, &deaf{}, queue.Options{Poll: time.Hour, Log: slog.New(slog.DiscardHandler)}), db)
		})
	}
}

// deaf is a bus that carries nothing.
type deaf struct{ recorder }

func (*deaf) Publish(context.Context, string, []byte) error { return nil }

func submission(n int64) queue.Submission {
	return queue.Submission{AccountID: "a", PromptID: strconv.FormatInt(n, 10), Lane: "native",
		Graph: settee.Graph{Prompt: []byte(`{"9": {"class_type":"SaveImage"}}`), Outputs: []string{"9"}}}
}

// BenchmarkTrivial is one job after another, all the way: the latency that the
// queue adds.
func BenchmarkTrivial(b *testing.B) {
	benchmarks(b, func(b *testing.B, q *queue.Service, _ *store.DB) {
		s, err := q.Open(b.Context(), "w", "native", settee.Description{})
		if err != nil {
			b.Fatal(err)
		}
		n := int64(0)
		for b.Loop() {
			n++
			if _, err := q.Submit(b.Context(), submission(n)); err != nil {
				b.Fatal(err)
			}
			l, err := q.Claim(b.Context(), s, false)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := q.Execute(b.Context(), l.Attempt, image("9", "cat")); err != nil {
				b.Fatal(err)
			}
			if err := q.Finish(b.Context(), l.Attempt, success(l)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSubmit, BenchmarkClaim and BenchmarkFinish are each step under 32
// callers at once.
func BenchmarkSubmit(b *testing.B) {
	benchmarks(b, func(b *testing.B, q *queue.Service, _ *store.DB) {
		var n atomic.Int64
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := q.Submit(b.Context(), submission(n.Add(1))); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkClaim(b *testing.B) {
	benchmarks(b, func(b *testing.B, q *queue.Service, _ *store.DB) {
		s := fill(b, q)
		b.SetParallelism(16)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := q.Claim(b.Context(), s, false); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkFinish(b *testing.B) {
	benchmarks(b, func(b *testing.B, q *queue.Service, _ *store.DB) {
		s := fill(b, q)
		leases := make(chan *queue.Lease, b.N)
		for range b.N {
			l, err := q.Claim(b.Context(), s, false)
			if err != nil {
				b.Fatal(err)
			}
			leases <- l
		}
		b.SetParallelism(16)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l := <-leases
				if err := q.Finish(b.Context(), l.Attempt, success(l)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// fill submits as many jobs as the benchmark will take, 32 at a time.
func fill(b *testing.B, q *queue.Service) queue.Session {
	s, err := q.Open(b.Context(), "w", "native", settee.Description{})
	if err != nil {
		b.Fatal(err)
	}
	errs := make(chan error)
	var n atomic.Int64
	for range 32 {
		go func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				if _, err := q.Submit(b.Context(), submission(i)); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 32 {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkStatus is the poll of one job beside 10,000 others.
func BenchmarkStatus(b *testing.B) {
	benchmarks(b, func(b *testing.B, q *queue.Service, db *store.DB) {
		if err := db.Write(b.Context(), func(tx *store.Tx) error {
			for i := range 10000 {
				if _, err := tx.Exec(`INSERT INTO jobs (id, account_id, prompt_id, client_id, workflow_id, state, reason,
					number, number_given, lane, attempt, crashes, cancel_requested, seq, outputs_count, media, created_at, updated_at, ended_at)
					VALUES ($1, 'a', $1, '', '', 'completed', '', 0, $2, 'native', 1, 0, $2, 0, 0, '', $3, $3, $3)`,
					fmt.Sprintf("old%05d", i), false, i+1); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := q.Job(b.Context(), "a", "old05000"); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
