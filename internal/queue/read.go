package queue

import (
	"context"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// Counts are how many jobs of the account wait and run.
func (s *Service) Counts(ctx context.Context, accountID string) (Counts, error) {
	return s.store.QueueCounts(ctx, accountID)
}

// Job finds a job by its account and prompt id; Fault CodeNotFound. It reads one
// indexed row.
func (s *Service) Job(ctx context.Context, accountID, promptID string) (settee.Job, error) {
	return s.store.JobByPrompt(ctx, accountID, promptID)
}

// Detail is Job with its graph and result; a running job's is what it made so
// far.
func (s *Service) Detail(ctx context.Context, accountID, promptID string) (Detail, error) {
	shown := s.unwritten(accountID)
	d, err := s.store.JobDetail(ctx, accountID, promptID)
	if err == nil {
		d.foldWith(shown)
	}
	return d, err
}

// List answers a page of the account's jobs and how many match in all.
func (s *Service) List(ctx context.Context, accountID string, f Filter) ([]settee.Job, int, error) {
	return s.store.ListJobs(ctx, accountID, f)
}

// Live lists the account's jobs that run (in the order they started) and that
// wait (in the order they will), in one snapshot: their ids, for Each.
func (s *Service) Live(ctx context.Context, accountID string) (running, pending []string, err error) {
	return s.store.LiveJobs(ctx, accountID)
}

// History lists ended jobs that had started, oldest first, by ComfyUI's rules
// (protocol note 1.3): with offset < 0 the newest max, else max from offset on.
// Everything is no max. It answers their ids, for Each.
func (s *Service) History(ctx context.Context, accountID string, max, offset int) ([]string, error) {
	if max <= 0 {
		return nil, nil
	}
	return s.store.JobHistory(ctx, accountID, max, offset)
}

// Each has take see the details of the account's jobs with these ids, in their
// order, without their inputs. It holds only a few at a time: there may be
// thousands, and graphs of 32 MiB among them.
func (s *Service) Each(ctx context.Context, accountID string, ids []string, take func(*Detail) error) error {
	for len(ids) > 0 {
		shown := s.unwritten(accountID)
		some, err := s.store.JobDetails(ctx, accountID, ids[:min(len(ids), together)], enough)
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
func (s *Service) AllJobs(ctx context.Context, f AdminFilter) ([]settee.Job, int, error) {
	return s.store.AllJobs(ctx, f)
}

// AnyJob finds a job of any account by its id or its prompt id; Fault
// CodeNotFound, and CodeConflict when several accounts have that prompt id.
func (s *Service) AnyJob(ctx context.Context, id string) (settee.Job, error) {
	return s.store.AnyJob(ctx, id)
}

// unwritten are the notes of the account's attempts that were shown but may not
// be written yet, by job. It must be asked before the store.
func (s *Service) unwritten(accountID string) map[string]*shown {
	all := map[string]*shown{}
	s.mu.Lock()
	var held []*attempt
	for _, a := range s.attempts {
		if a.AccountID == accountID {
			held = append(held, a)
		}
	}
	s.mu.Unlock()
	for _, a := range held {
		a.mu.Lock()
		all[a.JobID] = &shown{a.N, append([]record.Note(nil), a.pending...)}
		a.mu.Unlock()
	}
	return all
}

type shown struct {
	attempt int
	notes   []record.Note
}

// foldWith makes a running job's result of what is written and what was shown.
func (d *Detail) foldWith(all map[string]*shown) {
	if d.State != settee.InProgress {
		return
	}
	d.Notes = all[d.ID].after(d.Attempt, d.Notes)
	d.Result = record.Fold(d.Notes)
}
