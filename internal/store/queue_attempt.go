package store

import (
	"encoding/json"
	"fmt"
	"slices"
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
	fresh                         []record.Note // appended and not written down yet
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
	t.add(notes)
	if err := t.flush(tx); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE jobs SET seq = $2, updated_at = $3 WHERE id = $1`, t.JobID, t.seq, now)
	return err
}

// add appends events that the job does not have yet, for a caller that keeps
// jobs.seq and flushes. An attempt's events have their Seq from the worker's order,
// so one that is taken is the same event, told through another server.
func (t *attemptRow) add(notes []record.Note) {
	for i := range notes {
		if notes[i].Seq > t.seq {
			t.append(&notes[i])
		}
	}
}

// append gives an event the next Seq, or its own where that is greater. It is
// written down by flush.
func (t *attemptRow) append(n *record.Note) {
	t.seq = max(t.seq+1, n.Seq)
	n.Seq = t.seq
	t.fresh = append(t.fresh, *n)
}

// flush writes down what was appended, some at a time.
func (t *attemptRow) flush(tx *Tx) error {
	for some := range slices.Chunk(t.fresh, len(insertEvents)) {
		args := append(make([]any, 0, 2+4*len(some)), t.JobID, t.N)
		for _, n := range some {
			args = append(args, n.Seq, n.Event.Type, n.Event.Data, n.Meta)
		}
		if _, err := tx.Exec(insertEvents[len(some)-1], args...); err != nil {
			return err
		}
	}
	t.fresh = nil
	return nil
}

// insertEvents are the statements that insert one event, two, and so on.
var insertEvents = func() (all [8]string) {
	statement := `INSERT INTO job_events (job_id, attempt, seq, type, data, meta) VALUES `
	for i := range all {
		statement += fmt.Sprintf(`($1, $2, $%d, $%d, $%d, $%d)`, 4*i+3, 4*i+4, 4*i+5, 4*i+6)
		all[i] = statement
		statement += `, `
	}
	return all
}()

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
