package store

import (
	"encoding/json"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// attemptRow is an attempt in progress and its job, whose row is locked.
type attemptRow struct {
	queue.Attempt
	accountID, promptID, clientID string
	lane                          queue.Lane
	seq, crashes                  int
	cancelRequested               bool
	summary                       record.Summary
	startedAt, deadline           time.Time // zero: not yet, none
	estimate                      float64
}

// ahead reports that the attempt has not started.
func (t *attemptRow) ahead() bool { return t.startedAt.IsZero() }

// fence locks an attempt's job and reads both, or returns a Fault CodeLeaseLost
// when the attempt is over or, unless forced, its session is closed. The locked
// row decides: a job has one attempt in progress, its newest, or one that lies
// ahead.
func fence(tx *Tx, a queue.Attempt, forced bool) (*attemptRow, error) {
	t := &attemptRow{Attempt: a}
	var closed bool
	err := tx.QueryRow(`SELECT j.account_id, j.prompt_id, j.client_id, j.lane, j.seq, j.crashes, j.cancel_requested,
			j.outputs_count, j.preview_output, j.media, t.started_at, t.deadline, t.estimate, s.closed_at IS NOT NULL
		FROM jobs j JOIN attempts t ON t.job_id = j.id AND t.n = $2 JOIN worker_sessions s ON s.id = t.session_id
		WHERE j.id = $1 AND t.session_id = $3
			AND (j.attempt = $2 AND j.state = 'in_progress' OR j.held = $2 AND j.state = 'pending')`+tx.ForUpdateOf("j", false),
		a.JobID, a.N, a.SessionID).Scan(&t.accountID, &t.promptID, &t.clientID, &t.lane, &t.seq, &t.crashes,
		&t.cancelRequested, &t.summary.Count, JSON(&t.summary.Preview), &t.summary.Media,
		Time(&t.startedAt), Time(&t.deadline), &t.estimate, &closed)
	if found, err := Found(err); err != nil {
		return nil, err
	} else if !found || closed && !forced {
		return nil, errAttemptOver
	}
	return t, nil
}

// under is fence for what only an attempt that has started may do.
func under(tx *Tx, a queue.Attempt) (*attemptRow, error) {
	t, err := fence(tx, a, false)
	if err == nil && t.ahead() {
		err = queue.ErrNotStarted
	}
	return t, err
}

// write appends durable events that the job does not have yet.
func (t *attemptRow) write(tx *Tx, notes []record.Note, now time.Time) error {
	if len(notes) == 0 {
		return nil
	}
	if err := t.add(tx, notes); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE jobs SET seq = $2, updated_at = $3 WHERE id = $1`, t.JobID, t.seq, now)
	return err
}

// add is write for a caller that keeps jobs.seq. An attempt's events have their
// Seq from the worker's order, so one that is taken is the same event, told
// through another server.
func (t *attemptRow) add(tx *Tx, notes []record.Note) error {
	for i := range notes {
		if notes[i].Seq <= t.seq {
			continue
		}
		if err := t.append(tx, &notes[i]); err != nil {
			return err
		}
	}
	return nil
}

// append writes one event under its Seq, or the next when that is taken; the
// caller keeps jobs.seq.
func (t *attemptRow) append(tx *Tx, n *record.Note) error {
	t.seq = max(t.seq+1, n.Seq)
	n.Seq = t.seq
	_, err := tx.Exec(`INSERT INTO job_events (job_id, seq, attempt, type, data, meta) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.JobID, n.Seq, t.N, n.Event.Type, n.Event.Data, n.Meta)
	return err
}

// notesOf are a job's durable events in order.
func notesOf(tx *Tx, jobID string) ([]record.Note, error) {
	return Collect(tx, func(scan func(...any) error) (n record.Note, err error) {
		err = scan(&n.Seq, &n.Event.Type, JSON(&n.Event.Data), JSON(&n.Meta))
		return n, err
	}, `SELECT seq, type, data, meta FROM job_events WHERE job_id = $1 ORDER BY seq`, jobID)
}

// saveResult folds what a job made, all its durable events, into its result.
func saveResult(tx *Tx, jobID string, ending settee.Event, notes []record.Note) error {
	r := record.Fold(notes)
	var failure json.RawMessage
	if ending.Type == settee.EventError {
		failure = ending.Data
	}
	_, err := tx.Exec(`INSERT INTO job_results (job_id, error, outputs, meta, messages) VALUES ($1, $2, $3, $4, $5)`,
		jobID, failure, r.Outputs, r.Meta, r.Messages)
	return err
}

// dropSecrets forgets the partner keys of a job that has ended.
func dropSecrets(tx *Tx, jobID string) error {
	_, err := tx.Exec(`UPDATE job_graphs SET secrets = NULL WHERE job_id = $1 AND secrets IS NOT NULL`, jobID)
	return err
}
