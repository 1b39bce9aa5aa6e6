package queue_test

import (
	"context"
	"slices"
	"time"

	"github.com/settee/settee/internal/store"
)

// allEnd waits until no job is left.
func (c *crowd) allEnd(ctx context.Context) {
	for left := 1; left > 0; {
		if !pause(ctx, 10*time.Millisecond) {
			c.Errorf("%d jobs have not ended", left)
			return
		}
		if err := c.db.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM jobs WHERE ended_at IS NULL AND account_id LIKE $1`, c.tag+"%").Scan(&left)
		}); err != nil && ctx.Err() == nil {
			c.Error(err)
			return
		}
	}
}

// share keeps how the workers that stay have shared their time, as long as each
// steady account has jobs that wait.
func (c *crowd) share() {
	var (
		used = map[string]float64{}
		all  []float64
	)
	err := c.db.Read(context.Background(), func(tx *store.Tx) error {
		for _, a := range c.steady {
			var waits int
			if err := tx.QueryRow(`SELECT queued FROM account_queue WHERE account_id = $1`, a).Scan(&waits); err != nil {
				return err
			}
			some, err := store.Collect(tx, store.One[float64], `SELECT seconds FROM attempts WHERE account_id = $1 AND ended_at IS NOT NULL`, a)
			if err != nil {
				return err
			}
			all = append(all, some...)
			if waits > 0 {
				used[a] = 0
				for _, s := range some {
					used[a] += s / c.tiers[a].Weight
				}
			}
		}
		return nil
	})
	if err != nil {
		c.Errorf("look: %v", err)
		return
	}
	if len(used) == len(c.steady) && len(all) > 0 {
		slices.Sort(all)
		c.fair, c.long = used, all[len(all)*9/10]
	}
}

// check looks at all that is left when everybody has gone.
func (c *crowd) check() {
	(&house{t: c.T, db: c.db}).consistent()
	ctx := context.Background()
	ends := map[string]int{}
	c.bus.mu.Lock()
	for _, f := range c.bus.frames {
		if f.Ended {
			ends[f.AccountID+" "+f.PromptID]++
		}
	}
	c.bus.mu.Unlock()
	numbers := map[string][]int{}
	for job, told := range c.told {
		j, err := c.servers[0].Job(ctx, told.AccountID, told.PromptID)
		if err != nil {
			c.Errorf("%s is lost: %v", job, err)
			continue
		}
		if j.ID != told.ID || j.Number != told.Number {
			c.Errorf("%s was told as %s %v and is %s %v", job, told.ID, told.Number, j.ID, j.Number)
		}
		want := 0
		if j.Attempt > 0 {
			want = 1
		}
		if !j.State.Terminal() || ends[job] != want || c.endings[job] > want {
			c.Errorf("%s is %s after %d attempts: it was shown to end %d times, and %d workers ended it", job, j.State, j.Attempt, ends[job], c.endings[job])
		}
		if !j.Number.Given {
			n := int(j.Number.Value)
			numbers[j.AccountID] = append(numbers[j.AccountID], max(n, -n))
		}
	}
	for a, all := range numbers {
		slices.Sort(all)
		for i, n := range all {
			if n != i+1 {
				c.Errorf("numbers of %s: %v", a, all)
				break
			}
		}
	}
	for a, tier := range c.tiers {
		if most := overlap(c.spans[a]); tier.Concurrent > 0 && most > tier.Concurrent {
			c.Errorf("%d jobs of %s ran at once, its limit is %d", most, a, tier.Concurrent)
		}
	}
	c.checkShares()
}

// checkShares compares what steady accounts used, over their weights, when the
// first had no job left that waits. Between them may be what their claimers ran
// at that moment. On PostgreSQL it is more: a claim passes over an account that
// another unit holds, and these jobs are hardly longer than the units.
func (c *crowd) checkShares() {
	if c.fair == nil {
		return // they were done before the first look
	}
	least, most := 1e9, 0.0
	for _, used := range c.fair {
		least, most = min(least, used), max(most, used)
	}
	bound := staying * slots * c.long
	if c.db.Dialect() == store.Postgres {
		bound *= 4
	}
	if most-least > bound {
		c.Errorf("worker time over weight is from %.3f s to %.3f s, more than %.3f s apart: %v", least, most, bound, c.fair)
	}
}

// clean leaves nothing to look at for the next run.
func (c *crowd) clean() {
	if err := c.db.Write(context.Background(), func(tx *store.Tx) error {
		for _, table := range []string{"job_events", "job_outputs", "job_results", "job_counts", "output_counters", "attempts", "jobs", "assets",
			"lanes", "lane_pools", "account_queue", "worker_sessions", "workers"} {
			if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		c.Error(err)
	}
}

// overlap is how many spans there were at once, at most.
func overlap(spans []span) int {
	type change struct {
		at time.Time
		by int
	}
	var all []change
	for _, s := range spans {
		all = append(all, change{s.from, 1}, change{s.to, -1})
	}
	slices.SortFunc(all, func(x, y change) int {
		if n := x.at.Compare(y.at); n != 0 {
			return n
		}
		return x.by - y.by // an end before a beginning
	})
	now, most := 0, 0
	for _, ch := range all {
		now += ch.by
		most = max(most, now)
	}
	return most
}
