package record

import (
	"context"
	"time"

	"github.com/settee/settee"
)

// Store is what a Reader reads. Every method is one consistent snapshot.
type Store interface {
	JobByPrompt(ctx context.Context, accountID, promptID string) (settee.Job, error)
	// JobStatus is JobByPrompt with the fields of Reader.Status alone.
	JobStatus(ctx context.Context, accountID, promptID string) (settee.Job, error)
	JobDetail(ctx context.Context, accountID, promptID string) (Detail, error)
	ListJobs(ctx context.Context, accountID string, f Filter) ([]settee.Job, int, error)
	// JobDetails are the account's first jobs of ids, with the graphs but without
	// the inputs: as many as have enough bytes of graphs, one at least. It is a
	// Fault CodeNotFound when one is not there.
	JobDetails(ctx context.Context, accountID string, ids []string, enough int) ([]Detail, error)
	LiveJobs(ctx context.Context, accountID string) (running, pending []string, err error)
	JobHistory(ctx context.Context, accountID string, limit, offset int) ([]string, error)
	JobTrails(ctx context.Context, accountID string, since time.Time) ([]Trail, error)
	AllJobs(ctx context.Context, f AdminFilter) ([]settee.Job, int, error)
	// AnyJob finds a job by its id, or by a prompt id that one account has;
	// Faults CodeNotFound and CodeConflict.
	AnyJob(ctx context.Context, id string) (settee.Job, error)
}

// Reader reads jobs for those who asked for them.
type Reader struct {
	store     Store
	now       func() time.Time
	unwritten func(accountID string) map[string]Unwritten
	endings   endings
}

// Unwritten are notes of a running attempt that were shown but may not be
// written down yet.
type Unwritten struct {
	Attempt int
	Notes   []Note
}

// NewReader makes a reader of a store. unwritten answers, by job, what an
// account's running attempts have shown; it is asked before the store.
func NewReader(store Store, now func() time.Time, unwritten func(accountID string) map[string]Unwritten) *Reader {
	return &Reader{store: store, now: now, unwritten: unwritten}
}

// Job finds a job by its account and prompt id; Fault CodeNotFound. It reads one
// indexed row.
func (r *Reader) Job(ctx context.Context, accountID, promptID string) (settee.Job, error) {
	return r.store.JobByPrompt(ctx, accountID, promptID)
}

// Detail is Job with its graph and result; a running job's is what it made so
// far.
func (r *Reader) Detail(ctx context.Context, accountID, promptID string) (Detail, error) {
	shown := r.unwritten(accountID)
	d, err := r.store.JobDetail(ctx, accountID, promptID)
	if err == nil {
		d.foldWith(shown)
	}
	return d, err
}

// List answers a page of the account's jobs and how many match in all.
func (r *Reader) List(ctx context.Context, accountID string, f Filter) ([]settee.Job, int, error) {
	return r.store.ListJobs(ctx, accountID, f)
}

// Live lists the account's jobs that run (in the order they started) and that
// wait (in the order they will), in one snapshot: their ids, for Each.
func (r *Reader) Live(ctx context.Context, accountID string) (running, pending []string, err error) {
	return r.store.LiveJobs(ctx, accountID)
}

// History lists ended jobs that had started, oldest first, by ComfyUI's rules
// (protocol note 1.3): with offset < 0 the newest max, else max from offset on.
// Everything is no max. It answers their ids, for Each.
func (r *Reader) History(ctx context.Context, accountID string, max, offset int) ([]string, error) {
	if max <= 0 {
		return nil, nil
	}
	return r.store.JobHistory(ctx, accountID, max, offset)
}

// Each has take see the details of the account's jobs with these ids, in their
// order, without their inputs. It holds only a few at a time: there may be
// thousands, and graphs of 32 MiB among them.
func (r *Reader) Each(ctx context.Context, accountID string, ids []string, take func(*Detail) error) error {
	for len(ids) > 0 {
		shown := r.unwritten(accountID)
		some, err := r.store.JobDetails(ctx, accountID, ids[:min(len(ids), together)], enough)
		if err != nil {
			return err
		}
		for i := range some {
			some[i].foldWith(shown)
			if err := take(&some[i]); err != nil {
				return err
			}
		}
		ids = ids[max(len(some), 1):]
	}
	return nil
}

// What Each reads at a time: so many jobs, and no more once there are so many
// bytes of graphs.
const (
	together = 32
	enough   = 1 << 20
)

// AllJobs answers a page of everybody's jobs, newest first, and how many match.
func (r *Reader) AllJobs(ctx context.Context, f AdminFilter) ([]settee.Job, int, error) {
	return r.store.AllJobs(ctx, f)
}

// AnyJob finds a job of any account by its id or its prompt id; Fault
// CodeNotFound, and CodeConflict when several accounts have that prompt id.
func (r *Reader) AnyJob(ctx context.Context, id string) (settee.Job, error) {
	return r.store.AnyJob(ctx, id)
}

// foldWith makes a running job's result of what is written and what was shown.
func (d *Detail) foldWith(all map[string]Unwritten) {
	if d.State != settee.InProgress {
		return
	}
	d.Notes = all[d.ID].after(d.Attempt, d.Notes)
	d.Result = Fold(d.Notes)
}

// Trails answers, without their graphs, the jobs that had started and ended
// since then (in the order they ended) and after them those that run (in the
// order they started), in one snapshot: what late listeners are told.
func (r *Reader) Trails(ctx context.Context, accountID string, since time.Time) ([]Trail, error) {
	shown := r.unwritten(accountID)
	trails, err := r.store.JobTrails(ctx, accountID, since)
	for i := range trails {
		if t := &trails[i]; t.State == settee.InProgress {
			t.Notes = shown[t.ID].after(t.Attempt, t.Notes)
		}
	}
	return trails, err
}

// after is what an attempt has told: what is written and what was shown.
func (u Unwritten) after(attempt int, written []Note) []Note {
	if u.Attempt != attempt {
		return written
	}
	newest := 0
	if n := len(written); n > 0 {
		newest = written[n-1].Seq
	}
	for _, n := range u.Notes {
		if n.Seq > newest {
			written = append(written, n)
		}
	}
	return written
}
