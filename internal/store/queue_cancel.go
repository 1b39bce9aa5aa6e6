package store

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// target is a job that a cancellation names.
type target struct {
	attemptRow
	state  settee.JobState
	hidden bool
	held   lying // what has it while it is pending; N is 0 when nothing has
}

// CancelJobs cancels what c names (queue.Store).
func (db *DB) CancelJobs(ctx context.Context, c queue.Cancellation, now time.Time) (done queue.Cancelled, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		done = queue.Cancelled{}
		a, err := lockAccount(tx, c.AccountID, false)
		if found, err := Found(err); err != nil {
			return err
		} else if !found {
			if c.Strict && len(c.PromptIDs) > 0 {
				return errNoJob
			}
			return nil
		}
		targets, err := a.targets(tx, c)
		if err != nil {
			return err
		}
		lanes := map[string]int64{}
		for i := range targets {
			t := &targets[i]
			switch {
			case t.state == settee.Pending && c.Pending:
				if err := t.cancelPending(tx, &done, now); err != nil {
					return err
				}
				if t.held.N == 0 {
					a.queued--
					lanes[string(t.lane)]--
				} else if _, err := a.drop(tx, t.held, settee.ReasonUser, now); err != nil {
					return err
				} else {
					done.Dropped = append(done.Dropped, t.held.Attempt)
				}
			case t.state == settee.InProgress && c.Running:
				if _, err := tx.Exec(`UPDATE jobs SET cancel_requested = $2, updated_at = $3 WHERE id = $1`,
					t.JobID, true, now); err != nil {
					return err
				}
				done.Sessions = append(done.Sessions, t.SessionID)
			default:
				continue
			}
			done.PromptIDs = append(done.PromptIDs, t.promptID)
		}
		if done.Ended > 0 {
			if err := a.count(tx, settee.Pending, settee.Cancelled, done.Ended); err != nil {
				return err
			}
			if err := a.save(tx, lanes); err != nil {
				return err
			}
		}
		done.Counts = a.counts()
		for i := range done.Endings {
			done.Endings[i].Counts = done.Counts
		}
		return nil
	})
	return done, err
}

// targets are the jobs that c names, each once, in its order.
func (a *account) targets(tx *Tx, c queue.Cancellation) ([]target, error) {
	scan := func(scan func(...any) error) (t target, err error) {
		t.accountID = a.id
		err = scan(&t.JobID, &t.promptID, &t.clientID, &t.state, &t.lane, &t.N, &t.seq, &t.hidden,
			&t.held.N, &t.SessionID, &t.held.estimate)
		t.held.JobID, t.held.SessionID, t.held.lane = t.JobID, t.SessionID, t.lane
		return t, err
	}
	const columns = `SELECT j.id, j.prompt_id, j.client_id, j.state, j.lane, j.attempt, j.seq,
			j.hidden_at IS NOT NULL, j.held, COALESCE(t.session_id, ''), COALESCE(t.estimate, 0)
		FROM jobs j LEFT JOIN attempts t ON t.job_id = j.id AND t.n = CASE WHEN j.held > 0 THEN j.held ELSE j.attempt END `
	if c.PromptIDs == nil {
		return Collect(tx, scan, columns+`WHERE j.account_id = $1 AND j.state IN ('pending', 'in_progress')
			ORDER BY j.number, j.id`, a.id)
	}
	var all []target
	seen := map[string]bool{}
	for _, id := range c.PromptIDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		t, err := scan(tx.QueryRow(columns+`WHERE j.account_id = $1 AND j.prompt_id = $2`, a.id, id).Scan)
		if found, err := Found(err); err != nil {
			return nil, err
		} else if found && !t.hidden {
			all = append(all, t)
		} else if c.Strict {
			return nil, errNoJob
		}
	}
	return all, nil
}

// cancelPending ends a job that waits. If an earlier attempt was lost, clients
// have seen it start and must see it end.
func (t *target) cancelPending(tx *Tx, done *queue.Cancelled, now time.Time) error {
	if t.N > 0 {
		n := record.Note{Seq: queue.FirstSeq(t.seq, t.N+1) + 1, Event: record.Interrupted(t.promptID)}
		n.Event.Data = record.Stamp(n.Event.Data, now)
		t.append(&n)
		if err := t.flush(tx); err != nil {
			return err
		}
		all, err := notesOf(tx, t.JobID)
		if err != nil {
			return err
		}
		if err := saveResult(tx, t.JobID, n.Event, all); err != nil {
			return err
		}
		done.Endings = append(done.Endings, queue.Outcome{State: settee.Cancelled, Lane: t.lane, Note: n,
			Held: queue.Held{Attempt: t.Attempt, AccountID: t.accountID, PromptID: t.promptID, ClientID: t.clientID}})
	}
	if _, err := tx.Exec(`UPDATE jobs SET state = $2, reason = $3, cancel_requested = $4, seq = $5, ended_at = $6, updated_at = $6
		WHERE id = $1`, t.JobID, settee.Cancelled, settee.ReasonUser, true, t.seq, now); err != nil {
		return err
	}
	done.Ended++
	return dropSecrets(tx, t.JobID)
}

// HideJobs takes ended jobs out of an account's history (queue.Store).
func (db *DB) HideJobs(ctx context.Context, accountID string, promptIDs []string, now time.Time) error {
	return db.Write(ctx, func(tx *Tx) error {
		a, err := lockAccount(tx, accountID, false)
		if found, err := Found(err); !found {
			return err
		}
		if promptIDs == nil {
			if _, err := tx.Exec(`UPDATE jobs SET hidden_at = $2
				WHERE account_id = $1 AND ended_at IS NOT NULL AND hidden_at IS NULL`, a.id, now); err != nil {
				return err
			}
			_, err = tx.Exec(`UPDATE job_counts SET n = 0
				WHERE account_id = $1 AND state IN ('completed', 'failed', 'cancelled')`, a.id)
			return err
		}
		for _, id := range promptIDs {
			var state settee.JobState
			err := tx.QueryRow(`UPDATE jobs SET hidden_at = $3 WHERE account_id = $1 AND prompt_id = $2
				AND ended_at IS NOT NULL AND hidden_at IS NULL RETURNING state`, a.id, id, now).Scan(&state)
			if found, err := Found(err); err != nil {
				return err
			} else if found {
				if err := a.count(tx, state, "", 1); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

var errNoJob = settee.Faultf(settee.CodeNotFound, "There is no such job.")
