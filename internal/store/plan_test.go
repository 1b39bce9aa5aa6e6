package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// What the queue does costs the same beside ten jobs and a million: no query
// walks a table that grows with the past, and none uses an account's whole past
// to find a few rows.
func TestPlans(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "settee.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	queries := watch(db)
	exercise(t, db)
	plans := map[string][]string{}
	if err := db.Read(t.Context(), func(tx *Tx) error {
		for _, q := range slices.Sorted(maps.Keys(queries)) {
			if !regexp.MustCompile(`^(SELECT|UPDATE|DELETE|INSERT)`).MatchString(q) {
				continue
			}
			plan, err := Collect(tx, func(scan func(...any) error) (line string, err error) {
				var id, parent, unused int
				return line, scan(&id, &parent, &unused, &line)
			}, "EXPLAIN QUERY PLAN "+q, make([]any, len(slices.Compact(slices.Sorted(slices.Values(holder.FindAllString(q, -1))))))...)
			if err != nil {
				return err
			}
			plans[q] = plan
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(plans) < 40 {
		t.Fatalf("saw only %d queries", len(plans))
	}
	for q, plan := range plans {
		for _, line := range plan {
			if !small.MatchString(line) && (strings.HasPrefix(line, "SCAN") || past.MatchString(line)) {
				t.Errorf("%s\n%s", q, strings.Join(plan, "\n"))
			}
		}
	}
}

var (
	// What is alive now, what there is of workers, what has few rows an account,
	// and what a query made itself may be walked; jobs_list is in the order that
	// lists want.
	small = regexp.MustCompile(`SCAN (CONSTANT ROW|2-ROW VALUES CLAUSE|s\d|p|w|generation|workers|pools|node_definitions|lane_variants|needs)$|SCAN w USING|` +
		`INDEX (lanes_pass|account_queue_pass|lanes_queued|attempts_(running|ahead)|jobs_live|` +
		`worker_sessions_live|jobs_list|sqlite_autoindex_(lanes|account_queue|job_counts)_1)\b`)
	// An account's whole past.
	past   = regexp.MustCompile(`\(account_id=\?\)$`)
	holder = regexp.MustCompile(`\$\d+`)
)

// watch collects the texts of all queries from now on.
func watch(db *DB) map[string]bool {
	seen := map[string]bool{}
	listen(db, func(q string) { seen[q] = true })
	return seen
}

// listen has heard called with each query from now on.
func listen(db *DB, heard func(query string)) {
	s := db.database.(*sqlite)
	s.conn.watch = heard
	for range s.pinned {
		c := <-s.readers
		c.watch = heard
		s.readers <- c
	}
}

// exercise does all that the queue asks of a store, one thing after another.
func exercise(t *testing.T, db *DB) {
	t.Helper()
	ctx, now := context.Background(), time.UnixMicro(1000)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO tiers (name, api, concurrent, queue_limit, runtime_cap, monthly_credits, weight)
			VALUES ('t', $1, 2, 0, 5, 0, 1)`, true)
		ok(err)
		_, err = tx.Exec(`INSERT INTO accounts (id, name, tier, disabled, created_at) VALUES ('a', 'a', 't', $1, 1)`, false)
		return err
	}))
	submit := func(id string) {
		_, err := db.SubmitJob(ctx, id, queue.Submission{AccountID: "a", PromptID: id, Lane: "native", Kind: "k", Replace: true,
			Graph: settee.Graph{Prompt: []byte("{}"), Inputs: []settee.JobInput{{Node: "1"}}}}, nil, now)
		ok(err)
	}
	s := queue.Session{ID: "s", WorkerID: "w", Pool: "native"}
	_, err := db.OpenSession(ctx, queue.Opening{Session: s, Worker: "w", Until: now.Add(time.Hour)}, now)
	ok(err)
	claim := func() queue.Attempt {
		c, err := db.ClaimJob(ctx, s, false, now)
		ok(err)
		return c.Attempt
	}
	submit("1")
	submit("2")
	submit("3")
	a := claim()
	note := []record.Note{{Seq: 1, Event: settee.Event{Type: settee.EventStart, Data: []byte("{}")}}}
	ok(db.RenewSession(ctx, s.ID, now.Add(time.Hour), now, map[queue.Attempt][]record.Note{a: note}))
	file := engine.NewFile{Bytes: engine.BytesOf([]byte("h")), Type: settee.Output, Prefix: "x"}
	named := file
	named.Name = "y"
	_, err = db.ExecuteNode(ctx, a, engine.Executed{Node: "9", Output: []engine.Key{{Name: "images", Entries: []engine.Entry{
		{New: &file}, {New: &named}, {Old: &settee.File{Filename: "y", Type: settee.Output}}}}}}, nil, 2, now)
	ok(err)
	_, err = db.HeldAttempt(ctx, a)
	ok(err)
	_, err = db.SessionAttempts(ctx, s.ID)
	ok(err)
	_, err = db.Overdue(ctx, now)
	ok(err)
	_, err = db.EndAttempt(ctx, a, queue.End{Ending: queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}, Cap: 3}, now)
	ok(err)
	a = claim()
	_, err = db.EndAttempt(ctx, a, queue.End{Ending: queue.Ending{State: settee.Completed,
		Event: settee.Event{Type: settee.EventSuccess, Data: []byte("{}")}}, Notes: note}, now)
	ok(err)
	submit("1 again")
	ahead, err := db.ClaimJob(ctx, s, true, now)
	ok(err)
	_, err = db.StartAttempt(ctx, ahead.Attempt, now)
	ok(err)
	_, err = db.ClaimJob(ctx, s, true, now) // now there are as many as the tier allows
	ok(err)
	_, err = db.DroppedAttempts(ctx, s.ID, now)
	ok(err)
	_, err = db.OvertakeAttempt(ctx, now)
	ok(err)
	other := queue.Session{ID: "s2", WorkerID: "w2", Pool: "native"}
	_, err = db.OpenSession(ctx, queue.Opening{Session: other, Worker: "w2", Until: now.Add(time.Hour)}, now)
	ok(err)
	taken, err := db.ClaimJob(ctx, other, false, now.Add(queue.Patience))
	ok(err)
	if taken == nil {
		t.Fatal("an idle worker got nothing")
	}
	_, err = db.JobDetail(ctx, "a", "2")
	ok(err)
	_, err = db.JobByPrompt(ctx, "a", "2")
	ok(err)
	_, _, err = db.LiveJobs(ctx, "a")
	ok(err)
	_, err = db.JobHistory(ctx, "a", 5, -1)
	ok(err)
	_, err = db.JobHistory(ctx, "a", 5, 2)
	ok(err)
	_, err = db.JobTrails(ctx, "a", now)
	ok(err)
	_, err = db.QueueCounts(ctx, "a")
	ok(err)
	for _, states := range [][]settee.JobState{nil, {settee.Completed}, {settee.Pending, settee.InProgress}} {
		_, _, err = db.ListJobs(ctx, "a", record.Filter{States: states, Limit: 5})
		ok(err)
		_, _, err = db.ListJobs(ctx, "a", record.Filter{States: states, Limit: 5, Ascending: true})
		ok(err)
	}
	_, err = db.CancelJobs(ctx, queue.Cancellation{AccountID: "a", PromptIDs: []string{"2", "3"}, Pending: true, Running: true}, now)
	ok(err)
	_, err = db.CancelJobs(ctx, queue.Cancellation{AccountID: "a", Pending: true, Running: true}, now)
	ok(err)
	ok(db.HideJobs(ctx, "a", []string{"1"}, now))
	ok(db.ExpireSessions(ctx, "boot", now.Add(2*time.Hour)))
	ok(db.CloseSession(ctx, s.ID, settee.ReasonDrained, now))
	_, err = db.Orphans(ctx)
	ok(err)
	exerciseHealth(t, db, submit)
	_, err = db.SubmitJob(ctx, "needy", queue.Submission{AccountID: "a", PromptID: "needy", Lane: "native:0",
		Graph: settee.Graph{Prompt: []byte("{}")}, Fit: queue.Fit{Variants: []queue.Variant{{Pool: "native", Nodes: "x"}}, Needs: []byte(`{"classes":[]}`)}}, nil, now)
	ok(err)
	moved, err := db.RefreshLanes(ctx, now)
	ok(err)
	_, err = db.RefreshLanes(ctx, now.Add(2*time.Hour))
	ok(err)
	if len(moved) == 0 {
		t.Error("no job was compared with the workers that are there")
	}
}

// exerciseHealth has workers fail and lose jobs, be taken out and let in again.
func exerciseHealth(t *testing.T, db *DB, submit func(id string)) {
	t.Helper()
	ctx, now := context.Background(), time.UnixMicro(1000).Add(3*time.Hour)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func(name string) queue.Session {
		s := queue.Session{ID: name, WorkerID: name, Pool: "native"}
		_, err := db.OpenSession(ctx, queue.Opening{Session: s, Worker: name, Until: now.Add(time.Hour)}, now)
		ok(err)
		return s
	}
	jobs := 0
	end := func(s queue.Session, e queue.Ending) {
		t.Helper()
		c, err := db.ClaimJob(ctx, s, false, now)
		if c == nil && (err == nil || errors.Is(err, queue.ErrBenched)) {
			jobs++
			submit(fmt.Sprint("health ", jobs))
			c, err = db.ClaimJob(ctx, s, false, now)
		}
		ok(err)
		_, err = db.EndAttempt(ctx, c.Attempt, queue.End{Ending: e, Cap: 3}, now)
		ok(err)
	}
	done := queue.Ending{State: settee.Completed, Event: settee.Event{Type: settee.EventSuccess, Data: []byte("{}")}}
	failed := queue.Ending{State: settee.Failed, Reason: settee.ReasonError, Event: settee.Event{Type: settee.EventError, Data: []byte("{}")}}
	lost := queue.Ending{State: settee.Pending, Reason: settee.ReasonLost}
	ok(db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE tiers SET concurrent = 0 WHERE name = 't'`)
		return err
	}))
	good, bad := open("good"), open("bad")
	status := func(want string) {
		t.Helper()
		all, err := db.Workers(ctx, now)
		ok(err)
		for _, w := range all {
			if w.Name == "bad" && w.Status() != want {
				t.Fatalf("the worker is %s, want %s: %+v", w.Status(), want, w)
			}
		}
	}
	end(good, done)
	for range 3 {
		end(bad, failed)
	}
	status("out")
	now = now.Add(time.Minute)
	end(bad, failed)
	end(good, failed)
	end(bad, done)
	status("ready")
	for range 4 {
		end(bad, failed)
	}
	status("out")
	end(good, failed)
	status("ready")
	for range 3 {
		end(bad, lost)
	}
	status("out")
	end(good, done)
	ok(db.CloseSession(ctx, good.ID, settee.ReasonDrained, now))
	now = now.Add(time.Minute)
	_, err := db.TendWorkers(ctx, now)
	ok(err)
	status("ready")
	_, _, err = db.DrainWorker(ctx, "bad", false, now)
	ok(err)
}
