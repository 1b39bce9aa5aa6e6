package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// jobColumns are what scanJob reads, of jobs j. Only a job that has failed has an
// error to look up.
const jobColumns = `j.id, j.account_id, j.prompt_id, j.client_id, j.workflow_id, j.state, j.reason, j.number, j.number_given,
	j.lane, j.attempt, j.cancel_requested, j.created_at, j.started_at, j.ended_at, j.updated_at,
	j.outputs_count, j.preview_output, ` + errorColumn

const (
	errorColumn = `CASE WHEN j.state = 'failed' THEN (SELECT e.error FROM job_results e WHERE e.job_id = j.id) END`
	jobTables   = ` FROM jobs j `
)

func jobFields(j *settee.Job) []any {
	return []any{&j.ID, &j.AccountID, &j.PromptID, &j.ClientID, &j.WorkflowID, &j.State, &j.Reason, &j.Number.Value, &j.Number.Given,
		&j.Lane, &j.Attempt, &j.CancelRequested, Time(&j.CreatedAt), Time(&j.StartedAt), Time(&j.EndedAt), Time(&j.UpdatedAt),
		&j.OutputsCount, JSON(&j.PreviewOutput), JSON(&j.Error)}
}

func scanJob(scan func(...any) error) (j settee.Job, err error) {
	err = scan(jobFields(&j)...)
	return j, err
}

// detailColumns are what scanDetail reads, of job_graphs g and job_results r too.
const (
	detailColumns = `SELECT ` + jobColumns + `, g.prompt, g.edits, g.extra_data, g.outputs, r.outputs, r.meta, r.messages`
	detailTables  = jobTables + `LEFT JOIN job_results r ON r.job_id = j.id JOIN job_graphs g ON g.job_id = j.id `
)

func scanDetail(scan func(...any) error) (d record.Detail, err error) {
	err = scan(append(jobFields(&d.Job), JSON(&d.Prompt), Decode(&d.Edits), JSON(&d.ExtraData), Decode(&d.Graph.Outputs),
		JSON(&d.Result.Outputs), JSON(&d.Meta), JSON(&d.Messages))...)
	if d.Messages == nil {
		d.Result = record.Fold(nil)
	}
	return d, err
}

// QueueCounts are how many jobs of an account wait and run (queue.Store).
func (db *DB) QueueCounts(ctx context.Context, accountID string) (c queue.Counts, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`SELECT queued + ahead, running - ahead, version FROM account_queue WHERE account_id = $1`, accountID).
			Scan(&c.Pending, &c.Running, &c.Version)
		_, err = Found(err)
		return err
	})
	return c, err
}

// byPrompt picks one job by its unique key alone. Whether it is hidden is looked
// at afterwards: as a condition it would tempt a planner without statistics to
// an index of all that are not.
const byPrompt = `WHERE j.account_id = $1 AND j.prompt_id = $2`

// JobByPrompt finds a job (queue.Store).
func (db *DB) JobByPrompt(ctx context.Context, accountID, promptID string) (j settee.Job, err error) {
	err = db.Glance(ctx, func(tx *Tx) error {
		var hidden bool
		err := tx.QueryRow(`SELECT `+jobColumns+`, j.hidden_at IS NOT NULL`+jobTables+byPrompt, accountID, promptID).
			Scan(append(jobFields(&j), &hidden)...)
		return orNoJob(hidden, err)
	})
	return j, err
}

// JobDetail is a job with its graph and what it made (queue.Store).
func (db *DB) JobDetail(ctx context.Context, accountID, promptID string) (d record.Detail, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		var hidden bool
		err := tx.QueryRow(`SELECT j.hidden_at IS NOT NULL FROM jobs j `+byPrompt, accountID, promptID).Scan(&hidden)
		if err := orNoJob(hidden, err); err != nil {
			return err
		}
		if d, err = scanDetail(tx.QueryRow(detailColumns+detailTables+byPrompt, accountID, promptID).Scan); err != nil {
			return err
		}
		if d.Inputs, err = inputsOf(tx, d.ID); err != nil {
			return err
		}
		return addNotes(tx, &d)
	})
	return d, err
}

// orNoJob makes a missing or hidden job a Fault.
func orNoJob(hidden bool, err error) error {
	if found, err := Found(err); err != nil {
		return err
	} else if !found || hidden {
		return errNoJob
	}
	return nil
}

// addNotes reads the durable events of a job that runs.
func addNotes(tx *Tx, d *record.Detail) (err error) {
	if d.State == settee.InProgress {
		d.Notes, err = notesOf(tx, d.ID)
	}
	return err
}

// JobDetails are an account's jobs by id (queue.Store).
func (db *DB) JobDetails(ctx context.Context, accountID string, ids []string, enough int) (jobs []record.Detail, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		jobs = nil
		for size := 0; len(jobs) < len(ids) && size < enough; {
			d, err := scanDetail(tx.QueryRow(detailColumns+detailTables+`WHERE j.id = $1 AND j.account_id = $2`,
				ids[len(jobs)], accountID).Scan)
			if err := orNoJob(false, err); err != nil {
				return err
			}
			if err := addNotes(tx, &d); err != nil {
				return err
			}
			jobs = append(jobs, d)
			size += len(d.Prompt) + len(d.ExtraData) + len(d.Result.Outputs) + len(d.Messages)
		}
		return nil
	})
	return jobs, err
}

// LiveJobs are the jobs that run and that wait (queue.Store). The condition is
// that of the index jobs_live, word for word.
func (db *DB) LiveJobs(ctx context.Context, accountID string) (running, pending []string, err error) {
	type live struct {
		id      string
		state   settee.JobState
		started time.Time
	}
	err = db.Read(ctx, func(tx *Tx) error {
		running, pending = nil, nil
		all, err := Collect(tx, func(scan func(...any) error) (l live, err error) {
			err = scan(&l.id, &l.state, Time(&l.started))
			return l, err
		}, `SELECT id, state, started_at FROM jobs j
			WHERE j.account_id = $1 AND j.state IN ('pending', 'in_progress') ORDER BY j.number, j.id`, accountID)
		slices.SortStableFunc(all, func(x, y live) int { return x.started.Compare(y.started) })
		for _, l := range all {
			if l.state == settee.Pending {
				pending = append(pending, l.id)
			} else {
				running = append(running, l.id)
			}
		}
		return err
	})
	return running, pending, err
}

// endedWhere picks the jobs of an account's history; the index jobs_ended has
// its conditions.
const endedWhere = `WHERE j.account_id = $1 AND j.ended_at IS NOT NULL AND j.hidden_at IS NULL AND j.attempt > 0 `

// JobHistory is a part of an account's history (queue.Store).
func (db *DB) JobHistory(ctx context.Context, accountID string, limit, offset int) (ids []string, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		if offset >= 0 {
			ids, err = Collect(tx, One[string], `SELECT id FROM jobs j `+endedWhere+
				`ORDER BY j.ended_at, j.id LIMIT $2 OFFSET $3`, accountID, limit, offset)
			return err
		}
		ids, err = Collect(tx, One[string], `SELECT id FROM jobs j `+endedWhere+
			`ORDER BY j.ended_at DESC, j.id DESC LIMIT $2`, accountID, limit)
		slices.Reverse(ids)
		return err
	})
	return ids, err
}

// readGraph is what was submitted.
// readGraph reads a job's graph, and its sealed partner keys.
func readGraph(tx *Tx, jobID string) (g settee.Graph, secrets json.RawMessage, err error) {
	err = tx.QueryRow(`SELECT prompt, edits, extra_data, outputs, secrets FROM job_graphs WHERE job_id = $1`, jobID).
		Scan(JSON(&g.Prompt), Decode(&g.Edits), JSON(&g.ExtraData), Decode(&g.Outputs), JSON(&secrets))
	if err == nil {
		g.Inputs, err = inputsOf(tx, jobID)
	}
	return g, secrets, err
}

func inputsOf(tx *Tx, jobID string) ([]settee.JobInput, error) {
	return Collect(tx, func(scan func(...any) error) (in settee.JobInput, err error) {
		err = scan(&in.Node, &in.Input, &in.Reference, &in.Hash, &in.Size)
		return in, err
	}, `SELECT node, input, reference, hash, size FROM job_inputs WHERE job_id = $1 ORDER BY node, input`, jobID)
}

var _ queue.Store = (*DB)(nil)
