package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// group hands units of one account in so that they are committed as one group,
// in their order, and answers their errors; a panic is one, too.
func group(t *testing.T, db *store.DB, units ...func(tx *store.Tx) error) []error {
	t.Helper()
	var (
		wg      sync.WaitGroup
		blocked = make(chan struct{})
		gate    = make(chan struct{})
		errs    = make([]error, len(units))
	)
	wg.Go(func() {
		if err := db.WriteFor(context.Background(), "a", func(*store.Tx) error {
			close(blocked)
			<-gate
			return nil
		}); err != nil {
			t.Errorf("the unit before the group: %v", err)
		}
	})
	<-blocked
	for i, u := range units {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = db.WriteFor(context.Background(), "a", u)
		})
		until(t, func() bool { return db.Waiting("a") == i+1 })
	}
	close(gate)
	wg.Wait()
	return errs
}

func until(t *testing.T, there func() bool) {
	t.Helper()
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	for !there() {
		select {
		case <-look.C:
		case <-late.C:
			t.Fatal("it did not come true")
		}
	}
}

// commits keeps what a database tells of its commits.
type commits struct {
	mu    sync.Mutex
	units []int
	errs  []error
}

func watch(db *store.DB) *commits {
	c := &commits{}
	db.OnCommit(func(units int, _ time.Duration, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.units, c.errs = append(c.units, units), append(c.errs, err)
	})
	return c
}

// Units of a group do not harm each other: duplicates, panics and errors of
// their own fail alone, wherever they stand.
func TestGroupsAreUnharmed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		mine := errors.New("mine")
		fails := map[int]func(*store.Tx) error{
			0:  tier("unit 01"), // stands; the next is a duplicate
			1:  tier("unit 01"),
			4:  func(*store.Tx) error { return mine },
			5:  func(*store.Tx) error { panic("boom") },
			11: func(tx *store.Tx) error { return errors.Join(tier("undone")(tx), mine) },
		}
		units := make([]func(*store.Tx) error, 12)
		for i := range units {
			if units[i] = fails[i]; units[i] == nil {
				units[i] = tier(fmt.Sprintf("unit %02d", i))
			}
		}
		told := watch(db)
		errs := group(t, db, units...)
		for i, err := range errs {
			good := i == 0 || fails[i] == nil
			if (err == nil) != good {
				t.Errorf("unit %d: %v", i, err)
			}
		}
		if !errors.Is(errs[4], mine) || fmt.Sprint(errs[5]) != "panic: boom" || !errors.Is(errs[11], mine) {
			t.Errorf("errors %v, %v and %v are not the units' own", errs[4], errs[5], errs[11])
		}
		if got := strings.Join(tiers(t, db), " "); got != "unit 01 unit 02 unit 03 unit 06 unit 07 unit 08 unit 09 unit 10" {
			t.Errorf("kept %q", got)
		}
		if !slices.Equal(told.units, []int{1, 12}) {
			t.Errorf("commits of %v units, want 1 and 12", told.units)
		}
	})
}

// In one group a prompt id that is taken and a queue that is full refuse whom
// they concern, and the others get their numbers in turn.
func TestSubmitsTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.Account(t, db, "a", settee.Tier{QueueLimit: 5})
		var (
			wg      sync.WaitGroup
			blocked = make(chan struct{})
			gate    = make(chan struct{})
			got     = make([]string, 9)
		)
		wg.Go(func() {
			_ = db.WriteFor(context.Background(), "a", func(*store.Tx) error { close(blocked); <-gate; return nil })
		})
		<-blocked
		for i, prompt := range strings.Fields("p q p r s q t u v") {
			wg.Go(func() {
				done, err := db.SubmitJob(context.Background(), settee.NewID(), queue.Submission{AccountID: "a", PromptID: prompt, Lane: "native", Graph: graph}, nil, time.Now())
				if got[i] = string(settee.CodeOf(err)); err == nil {
					got[i] = fmt.Sprint(done.Job.Number.Value)
				}
			})
			until(t, func() bool { return db.Waiting("a") == i+1 })
		}
		close(gate)
		wg.Wait()
		if want := strings.Fields("1 2 conflict 3 4 conflict 5 queue_full queue_full"); !slices.Equal(got, want) {
			t.Errorf("answered %q, want %q", got, want)
		}
	})
}

// A database that is killed under a group: whoever waited knows that nothing was
// done, or, when the commit was not answered, that nobody knows. A unit that was
// refused because of another is told the same.
func TestGroupsOfAKilledDatabase(t *testing.T) {
	for what, c := range map[string]struct {
		at   int
		code settee.Code
	}{"before the commit": {2, settee.CodeUnavailable}, "at the commit": {4, settee.CodeInternal}} {
		t.Run(what, func(t *testing.T) {
			cluster := storetest.PostgresToKill(t)
			db := storetest.Open(t, cluster.URL)
			units := []func(*store.Tx) error{tier("x"), tier("x"), tier("y"), tier("z"), tier("u")}
			last := units[c.at]
			units[c.at] = func(tx *store.Tx) error {
				if err := last(tx); err != nil {
					return err
				}
				return cluster.Kill()
			}
			for i, err := range group(t, db, units...) {
				if err == nil || settee.CodeOf(err) != c.code {
					t.Errorf("unit %d: %v, want %s", i, err, c.code)
				}
			}
			cluster.Restart(t)
			if got := tiers(t, db); len(got) != 0 {
				t.Errorf("kept %q", got)
			}
			if err := db.WriteFor(t.Context(), "a", tier("x")); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A group that stands still keeps no other account's units waiting, and a unit
// alone waits for nobody.
func TestAloneIsNotDelayed(t *testing.T) {
	db := storetest.Postgres(t)
	other := "b"
	for i := 0; !db.Apart("a", other); i++ {
		other = fmt.Sprint("b", i)
	}
	var wg sync.WaitGroup
	blocked, gate := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		_ = db.WriteFor(context.Background(), "a", func(*store.Tx) error { close(blocked); <-gate; return nil })
	})
	<-blocked
	told := watch(db)
	for i := range 3 {
		if err := db.WriteFor(t.Context(), other, tier(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told.units, []int{1, 1, 1}) {
		t.Errorf("commits of %v units", told.units)
	}
	close(gate)
	wg.Wait()
}

// A unit whose caller gives up while it waits is not run; those beside it are.
// A group that nobody waits for any more is given up.
func TestGivingUpInAGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var (
			wg          sync.WaitGroup
			blocked     = make(chan struct{})
			gate        = make(chan struct{})
			ctx, giveUp = context.WithCancel(t.Context())
			gone        = make(chan error, 1)
		)
		wg.Go(func() {
			_ = db.WriteFor(context.Background(), "a", func(*store.Tx) error { close(blocked); <-gate; return nil })
		})
		<-blocked
		go func() { gone <- db.WriteFor(ctx, "a", tier("never")) }()
		until(t, func() bool { return db.Waiting("a") == 1 })
		wg.Go(func() {
			if err := db.WriteFor(context.Background(), "a", tier("beside")); err != nil {
				t.Error(err)
			}
		})
		until(t, func() bool { return db.Waiting("a") == 2 })
		giveUp()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("gave up with %v", err)
		}
		close(gate)
		wg.Wait()
		if got := strings.Join(tiers(t, db), " "); got != "beside" {
			t.Errorf("kept %q", got)
		}
	})
}

// Groups of two servers and the claims and endings beside them do not wait for
// each other in circles.
func TestGroupsAmongClaims(t *testing.T) {
	url := storetest.PostgresURL(t)
	servers := []*store.DB{storetest.Open(t, url), storetest.Open(t, url)}
	const accounts, each = 12, 8
	for i := range accounts {
		storetest.Account(t, servers[0], fmt.Sprint("a", i), settee.Tier{Concurrent: 2})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		ended = map[string]int{}
		told  = []*commits{watch(servers[0]), watch(servers[1])}
	)
	work := func(db *store.DB, ses queue.Session) error {
		for {
			c, err := db.ClaimJob(ctx, ses, false, time.Now())
			if err != nil {
				return err
			}
			if c != nil {
				out, err := db.EndAttempt(ctx, c.Attempt, queue.End{Ending: queue.Ending{State: settee.Completed,
					Event: settee.Event{Type: settee.EventSuccess, Data: []byte("{}")}}}, time.Now())
				if err != nil {
					return err
				}
				mu.Lock()
				ended[out.AccountID+" "+out.PromptID]++
				mu.Unlock()
				continue
			}
			mu.Lock()
			all := len(ended) == len(servers)*accounts*each
			mu.Unlock()
			if all {
				return nil
			}
		}
	}
	for s, db := range servers {
		for i := range accounts * each { // all at once
			wg.Go(func() {
				if _, err := db.SubmitJob(ctx, settee.NewID(), queue.Submission{AccountID: fmt.Sprint("a", i%accounts),
					PromptID: fmt.Sprint(s, "-", i), Lane: "native", Graph: graph}, nil, time.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		for w := range 4 {
			ses := queue.Session{ID: fmt.Sprint("s", s, w), WorkerID: settee.NewID(), Pool: "native", Depth: 1}
			if _, err := db.OpenSession(ctx, queue.Opening{Session: ses, Worker: ses.ID, Until: time.Now().Add(time.Hour)}, time.Now()); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				if err := work(db, ses); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	races, most := 0, 0
	for _, c := range told {
		races += store.Races(c.errs)
		most = max(most, slices.Max(c.units))
	}
	if races > 3 {
		t.Errorf("%d transactions lost a race", races)
	}
	if most < 2 {
		t.Error("no two units were committed together")
	}
	for job, n := range ended {
		if n != 1 {
			t.Errorf("%s ended %d times", job, n)
		}
	}
}

var graph = settee.Graph{Prompt: []byte("{}")}
