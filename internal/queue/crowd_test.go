package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// TestCrowd has 64 claimers on two servers work at once, while jobs are
// submitted and cancelled, and workers are drained, lost and heard of too late.
// What must hold is looked at from outside while that goes on, and when all has
// ended.
func TestCrowd(t *testing.T) {
	runs := map[string]int{"postgres": 30, "sqlite": 5}
	if racing || testing.Short() {
		runs = map[string]int{"postgres": 2, "sqlite": 1}
	}
	each := func(t *testing.T, servers ...*store.DB) {
		var seen deeds
		for range runs[string(servers[0].Dialect())] {
			seed := rand.Uint64()
			if !t.Run(fmt.Sprintf("%016x", seed), func(t *testing.T) { newCrowd(t, seed, &seen, servers...).run() }) {
				return
			}
		}
		if runs[string(servers[0].Dialect())] < 5 {
			return
		}
		if seen.lost.Load() == 0 || seen.late.Load() == 0 || seen.returned.Load() == 0 || seen.cancelled.Load() == 0 {
			t.Errorf("not all that may happen did: %+v", &seen)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		db := storetest.SQLite(t)
		each(t, db, db)
	})
	t.Run("postgres", func(t *testing.T) {
		url := storetest.PostgresURL(t)
		each(t, storetest.Open(t, url), storetest.Open(t, url))
	})
}

// deeds are how often things happened that should.
type deeds struct {
	lost, late, returned, cancelled, ahead, refused atomic.Int64
}

// Sizes of a crowd: workers that come and go and those that stay, each with
// several claimers, and jobs of an account.
const (
	coming  = 15
	staying = 1
	slots   = 4
	wild    = 12 // jobs of an account among those that come and go
	steady  = 60 // of one among those that stay
)

// crowd is one run. Accounts whose jobs only those workers run that stay are
// steady: between them worker time must be shared.
type crowd struct {
	*testing.T
	seed    uint64
	deeds   *deeds
	db      *store.DB
	bus     *recorder
	servers []*queue.Service
	tag     string
	tiers   map[string]settee.Tier // of the accounts
	wild    []string
	steady  []string

	mu        sync.Mutex
	told      map[string]settee.Job // what submits answered, by account and prompt
	spans     map[string][]span     // when an account's jobs certainly ran
	endings   map[string]int        // that were taken from workers
	files     map[string]bool       // with their account
	fair      map[string]float64    // worker time by steady account, over its weight, while all of them had jobs waiting
	long      float64               // seconds that nine of ten jobs stayed below then
	submitted sync.WaitGroup
}

type span struct{ from, to time.Time }

func newCrowd(t *testing.T, seed uint64, seen *deeds, dbs ...*store.DB) *crowd {
	c := &crowd{T: t, seed: seed, deeds: seen, db: dbs[0], bus: &recorder{}, tag: fmt.Sprint("c", serial.Add(1)), tiers: map[string]settee.Tier{},
		told: map[string]settee.Job{}, spans: map[string][]span{}, endings: map[string]int{}, files: map[string]bool{}}
	for _, db := range dbs {
		c.servers = append(c.servers, queue.New(db, c.bus, queue.Options{Now: db.Clock(), Poll: 250 * time.Millisecond,
			Lease: time.Minute, Log: slog.New(slog.DiscardHandler)}))
	}
	account := func(name string, tier settee.Tier) string {
		id := c.tag + name
		storetest.Account(t, c.db, id, tier)
		c.tiers[id] = tier
		return id
	}
	for i, tier := range []settee.Tier{{Concurrent: 1}, {Concurrent: 1, QueueLimit: 8}, {Concurrent: 2, Weight: 2}, {Concurrent: 3}, {Concurrent: 5}, {}} {
		c.wild = append(c.wild, account(fmt.Sprint("wild", i), tier))
	}
	for i, weight := range []float64{1, 1, 2} {
		c.steady = append(c.steady, account(fmt.Sprint("steady", i), settee.Tier{Weight: weight}))
	}
	return c
}

func (c *crowd) random(who int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(who))) }

func (c *crowd) run() {
	ctx, cancel := context.WithTimeout(c.Context(), 8*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range c.servers {
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				c.Error(err)
			}
		})
	}
	for i, a := range c.steady {
		c.submitted.Go(func() { c.submit(a, c.random(i), steady, c.tag+"s") })
	}
	c.submitted.Wait() // steady accounts start with all they have
	for i, a := range c.wild {
		for k, lane := range []string{c.pool(0), c.pool(0) + "+" + c.pool(1), c.pool(1) + "+" + c.pool(2)} {
			c.submitted.Go(func() { c.submit(a, c.random(100+10*i+k), wild/3, lane) })
		}
	}
	for i := range coming {
		wg.Go(func() { c.comeAndGo(ctx, i) })
	}
	for i := range staying {
		wg.Go(func() { c.stay(ctx, i) })
	}
	wg.Go(func() { c.cancelSome(ctx) })
	wg.Go(func() { c.look(ctx) })
	c.submitted.Wait()
	c.allEnd(ctx)
	cancel()
	wg.Wait()
	c.check()
	c.clean()
}

func (c *crowd) pool(i int) string { return fmt.Sprint(c.tag, "p", i%3) }

// pause waits a moment; false: ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c *crowd) submit(account string, r *rand.Rand, n int, lane string) {
	s := c.servers[r.IntN(len(c.servers))]
	h := &house{Service: s, t: c.T}
	for i := range n {
		prompt := fmt.Sprint(lane, "-", i)
		var number *float64
		front := false
		switch r.IntN(6) {
		case 0:
			given := float64(r.IntN(9) - 4)
			number = &given
		case 1:
			front = true
		}
		change := func(s *queue.Submission) { s.Lane, s.Number, s.Front = queue.Lane(lane), number, front }
		job, err := h.trySubmit(account, prompt, change)
		if settee.CodeOf(err) == settee.CodeQueueFull && c.tiers[account].QueueLimit > 0 {
			c.deeds.refused.Add(1)
			continue
		}
		if err != nil {
			c.Errorf("submit %s of %s: %v", prompt, account, err)
			continue
		}
		c.mu.Lock()
		c.told[account+" "+prompt] = job
		c.mu.Unlock()
		if r.IntN(8) == 0 {
			if _, err := h.trySubmit(account, prompt, change); settee.CodeOf(err) != settee.CodeConflict && settee.CodeOf(err) != settee.CodeQueueFull {
				c.Errorf("submit %s of %s again: %v", prompt, account, err)
			}
		}
	}
}

// visit is a session of a worker.
type visit struct {
	queue.Session
	server *queue.Service
	life   context.Context
	end    context.CancelFunc
	mu     sync.Mutex
	gone   time.Time              // when its lease began to end; zero: it holds
	asked  map[queue.Attempt]bool // to stop
}

func (c *crowd) open(ctx context.Context, i int, name, pool string) (*visit, error) {
	v := &visit{server: c.servers[i%len(c.servers)], asked: map[queue.Attempt]bool{}}
	var err error
	v.Session, err = v.server.Open(ctx, c.tag+name, pool, settee.Description{Depth: slots})
	v.life, v.end = context.WithCancel(ctx)
	return v, err
}

// work keeps a session's lease and runs its claimers until its life ends.
func (c *crowd) work(v *visit, r *rand.Rand, wild bool) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for v.life.Err() == nil {
			orders, err := v.server.Renew(v.life, v.Session)
			if err != nil && v.life.Err() == nil && !v.left() {
				c.Errorf("renew: %v", err)
			}
			v.mu.Lock()
			for _, o := range orders {
				v.asked[o.Attempt] = o.Reason == settee.ReasonUser
			}
			v.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	for range slots {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		wg.Go(func() { c.slot(v, own, wild) })
	}
	wg.Wait()
}

// left reports that the session has been given up.
func (v *visit) left() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.gone.IsZero()
}

// leave is called before anything that ends the session.
func (v *visit) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = time.Now()
}

// comeAndGo is a worker that opens one session after another: each is closed
// after a while, or lost without a word.
func (c *crowd) comeAndGo(ctx context.Context, i int) {
	r := c.random(1000 + i)
	for ctx.Err() == nil {
		v, err := c.open(ctx, i, fmt.Sprint("w", i), c.pool(i))
		if err != nil {
			if ctx.Err() == nil {
				c.Errorf("open: %v", err)
			}
			v.end()
			return
		}
		var wg sync.WaitGroup
		stays, closes := time.Duration(150+r.IntN(450))*time.Millisecond, r.IntN(2) == 0
		wg.Go(func() {
			pause(ctx, stays)
			v.leave()
			var err error
			if closes || ctx.Err() != nil {
				err = v.server.Close(context.Background(), v.Session)
			} else {
				c.deeds.lost.Add(1)
				err = c.db.Write(context.Background(), func(tx *store.Tx) error { // as if nobody had renewed it
					_, err := tx.Exec(`UPDATE worker_sessions SET expires_at = 1 WHERE id = $1`, v.ID)
					return err
				})
			}
			if err != nil {
				c.Errorf("end a session: %v", err)
			}
			v.end()
		})
		c.work(v, r, true)
		wg.Wait()
	}
}

// stay is a worker of the steady accounts, to the end.
func (c *crowd) stay(ctx context.Context, i int) {
	v, err := c.open(ctx, i, fmt.Sprint("s", i), c.tag+"s")
	if err != nil {
		c.Errorf("open: %v", err)
		return
	}
	c.work(v, c.random(2000+i), false)
	v.leave()
	if err := v.server.Close(context.Background(), v.Session); err != nil {
		c.Errorf("close: %v", err)
	}
}

// slot is a claimer.
func (c *crowd) slot(v *visit, r *rand.Rand, wild bool) {
	for v.life.Err() == nil {
		l, err := given(v.server.Claim(v.life, v.Session, false))
		if l == nil || err != nil {
			if v.life.Err() == nil && !(settee.CodeOf(err) == settee.CodeLeaseLost && v.left()) {
				c.Errorf("claim: %v, %v", l, err)
			}
			return
		}
		var next *queue.Lease
		if wild && r.IntN(3) == 0 {
			if next, err = v.server.Claim(v.life, v.Session, true); err != nil && v.life.Err() == nil && !v.left() {
				c.Errorf("claim ahead: %v", err)
			}
		}
		c.attempt(v, l, r, wild)
		if next == nil {
			continue
		}
		switch _, err := v.server.Start(v.life, next.Attempt); {
		case err == nil:
			c.deeds.ahead.Add(1)
			c.attempt(v, next, r, wild)
		case settee.CodeOf(err) != settee.CodeLeaseLost && v.life.Err() == nil: // revoked, cancelled or lost
			c.Errorf("start: %v", err)
		}
	}
}

// attempt runs a job, or what is left of one.
func (c *crowd) attempt(v *visit, l *queue.Lease, r *rand.Rand, wild bool) {
	from := time.Now()
	job := l.AccountID + " " + l.PromptID
	e := success(l)
	if wild {
		if r.IntN(2) == 0 {
			c.execute(v, l)
		}
		takes := time.Duration(r.IntN(5)) * time.Millisecond
		if r.IntN(12) == 0 {
			takes = time.Hour // until its worker leaves or is lost
		}
		pause(v.life, takes)
		switch r.IntN(12) {
		case 0, 1:
			e = queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}
		case 2:
			e = queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}
		case 3:
			e = queue.Ending{State: settee.Failed, Reason: settee.ReasonError, Event: record.Failure(l.PromptID, "ValueError", "no")}
		}
		v.mu.Lock()
		if v.asked[l.Attempt] {
			e = queue.Ending{State: settee.Cancelled, Reason: settee.ReasonUser, Event: record.Interrupted(l.PromptID)}
		}
		v.mu.Unlock()
	} else {
		eights := 1 + slices.Index(c.steady, l.AccountID) // accounts' jobs are not equally long
		pause(v.life, time.Duration(8*eights)*time.Millisecond)
	}
	to := time.Now()
	v.mu.Lock()
	if !v.gone.IsZero() && v.gone.Before(to) {
		to = v.gone
	}
	v.mu.Unlock()
	c.mu.Lock()
	if to.After(from) {
		c.spans[l.AccountID] = append(c.spans[l.AccountID], span{from, to})
	}
	c.mu.Unlock()
	if v.left() && r.IntN(2) == 0 {
		pause(context.Background(), 300*time.Millisecond) // its loss is noticed
	}
	switch err := v.server.Finish(context.Background(), l.Attempt, e); {
	case err == nil && e.State != settee.Pending:
		c.mu.Lock()
		c.endings[job]++
		c.mu.Unlock()
	case err == nil:
		c.deeds.returned.Add(1)
	case settee.CodeOf(err) == settee.CodeLeaseLost && v.left():
		c.deeds.late.Add(1)
	default:
		c.Errorf("finish %s: %v", job, err)
	}
}

func (c *crowd) execute(v *visit, l *queue.Lease) {
	out, err := v.server.Execute(context.Background(), l.Attempt, image("9", "x"))
	if err != nil {
		if settee.CodeOf(err) != settee.CodeLeaseLost || !v.left() {
			c.Errorf("execute: %v", err)
		}
		return
	}
	name := l.AccountID + " " + string(out)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[name] {
		c.Errorf("named twice: %s", name)
	}
	c.files[name] = true
}

// cancelSome cancels jobs, whatever they are doing.
func (c *crowd) cancelSome(ctx context.Context) {
	r := c.random(3000)
	for pause(ctx, time.Duration(1+r.IntN(20))*time.Millisecond) {
		c.mu.Lock()
		var jobs []settee.Job
		for _, j := range c.told {
			if !slices.Contains(c.steady, j.AccountID) {
				jobs = append(jobs, j)
			}
		}
		c.mu.Unlock()
		if len(jobs) == 0 {
			continue
		}
		j := jobs[r.IntN(len(jobs))]
		did, err := c.servers[r.IntN(len(c.servers))].Cancel(ctx, j.AccountID, j.PromptID)
		if err != nil && ctx.Err() == nil {
			c.Errorf("cancel: %v", err)
		}
		if did {
			c.deeds.cancelled.Add(1)
		}
	}
}

// look checks what holds at every moment, each time in one snapshot.
func (c *crowd) look(ctx context.Context) {
	h := &house{t: c.T, db: c.db}
	for pause(ctx, 50*time.Millisecond) {
		h.consistent()
		c.share()
	}
}
