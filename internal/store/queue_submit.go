package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// SubmitJob writes a job down under id (queue.Store).
func (db *DB) SubmitJob(ctx context.Context, id string, s queue.Submission, idle *queue.Idle, now time.Time) (done queue.Submitted, err error) {
	needs := db.needs.of(s.Fit.Needs, now)
	err = db.WriteFor(ctx, s.AccountID, func(tx *Tx) error {
		done = queue.Submitted{}
		a, err := enterAccount(tx, s.AccountID)
		if err != nil {
			return fmt.Errorf("account %s: %w", s.AccountID, err)
		}
		if err := makeRoomFor(tx, a, s, now); err != nil {
			return err
		}
		if a.queueLimit > 0 && a.pending() >= a.queueLimit {
			f := settee.Faultf(settee.CodeQueueFull, "The queue is full: %d jobs are waiting, as many as the tier allows.", a.pending())
			f.RetryAfter = queue.RetryAfter(a.typical)
			return f
		}
		job := settee.Job{ID: id, AccountID: a.id, PromptID: s.PromptID, ClientID: s.ClientID, WorkflowID: s.WorkflowID,
			State: settee.Pending, Number: a.number(s), Lane: string(s.Lane), CreatedAt: now, UpdatedAt: now}
		if a.queued == 0 && a.running == 0 {
			if err := a.comeBack(tx); err != nil {
				return err
			}
		}
		if a.written, err = insertJob(tx, job, s, needs.digest); err != nil {
			return err
		}
		if err := needs.save(tx, now); err != nil {
			return err
		}
		if err := a.openLane(tx, s.Lane, s.Fit.Variants, s.Fit.Generation, 1); err != nil {
			return err
		}
		a.queued++
		if err := a.count(tx, "", settee.Pending, 1); err != nil {
			return err
		}
		a.version++
		if err := a.saveLanes(tx, nil); err != nil {
			return err
		}
		done.Job, done.Counts = job, a.counts()
		if idle != nil {
			if done.Claim, err = claimFor(tx, idle.Session, a, now); err != nil {
				return err
			}
		}
		if done.Claim == nil {
			return a.saveRow(tx)
		}
		if idle.Soon != nil {
			idle.Soon(done.Claim)
		}
		return nil
	})
	if err != nil {
		return queue.Submitted{}, err
	}
	db.needs.saved(needs, now)
	return done, nil
}

// makeRoomFor refuses a prompt id that the account has used, or moves the ended
// job that had it out of the way.
func makeRoomFor(tx *Tx, a *account, s queue.Submission, now time.Time) error {
	var (
		old    string
		state  settee.JobState
		hidden bool
	)
	err := tx.QueryRow(`SELECT id, state, hidden_at IS NOT NULL FROM jobs WHERE account_id = $1 AND prompt_id = $2`,
		a.id, s.PromptID).Scan(&old, &state, &hidden)
	if found, err := Found(err); !found {
		return err
	}
	if !s.Replace || !state.Terminal() {
		return settee.Faultf(settee.CodeConflict, "A job with prompt_id %s exists already.", s.PromptID)
	}
	if _, err := tx.Exec(`UPDATE jobs SET prompt_id = $2, hidden_at = COALESCE(hidden_at, $3) WHERE id = $1`,
		old, "~"+old, now); err != nil || hidden {
		return err
	}
	return a.count(tx, state, "", 1)
}

// number is the place a submission asks for. The account's own counter starts
// at 1, so that front means something from the first job on.
func (a *account) number(s queue.Submission) settee.Number {
	if s.Number != nil {
		return settee.Number{Value: *s.Number, Given: true}
	}
	n := float64(a.nextNumber)
	a.nextNumber++
	if s.Front {
		n = -n
	}
	return settee.Number{Value: n}
}

// written is a job that a unit has just written down.
type written struct {
	id      string
	graph   settee.Graph
	secrets json.RawMessage
}

func insertJob(tx *Tx, j settee.Job, s queue.Submission, needs string) (written, error) {
	w := written{j.ID, s.Graph, s.Secrets}
	if w.graph.ExtraData == nil {
		w.graph.ExtraData = []byte("{}")
	}
	if _, err := tx.Exec(`INSERT INTO jobs (id, account_id, prompt_id, client_id, workflow_id, state, reason,
			number, number_given, lane, attempt, crashes, cancel_requested, seq, outputs_count, media, created_at, updated_at, needs, kind)
		VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, $9, 0, 0, $10, 0, 0, '', $11, $11, $12, $13)`,
		j.ID, j.AccountID, j.PromptID, j.ClientID, j.WorkflowID, j.State,
		j.Number.Value, j.Number.Given, j.Lane, false, j.CreatedAt, needs, s.Kind); err != nil {
		return w, err
	}
	if _, err := tx.Exec(`INSERT INTO job_graphs (job_id, prompt, edits, extra_data, outputs, secrets)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		j.ID, w.graph.Prompt, Encode(w.graph.Edits), w.graph.ExtraData, Encode(w.graph.Outputs), w.secrets); err != nil {
		return w, err
	}
	for _, in := range w.graph.Inputs {
		if _, err := tx.Exec(`INSERT INTO job_inputs (job_id, node, input, reference, hash, size)
			VALUES ($1, $2, $3, $4, $5, $6)`, j.ID, in.Node, in.Input, in.Reference, in.Hash, in.Size); err != nil {
			return w, err
		}
	}
	return w, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
