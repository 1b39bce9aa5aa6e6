package store

import (
	"context"
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// EndAttempt ends an attempt and its job, or puts the job back (queue.Store).
func (db *DB) EndAttempt(ctx context.Context, at queue.Attempt, e queue.End, now time.Time) (out queue.Outcome, err error) {
	var w suspect
	err = db.Write(ctx, func(tx *Tx) error {
		var accountID string
		accountID, w, err = suspectOf(tx, at)
		if found, err := Found(err); err != nil {
			return err
		} else if !found {
			return errAttemptOver
		}
		a, err := lockAccount(tx, accountID, false)
		if err != nil {
			return err
		}
		t, err := fence(tx, at, e.Forced)
		if err != nil {
			return err
		}
		out = queue.Outcome{State: settee.Pending, Lane: t.lane, Held: queue.Held{Attempt: at,
			AccountID: t.accountID, PromptID: t.promptID, ClientID: t.clientID}}
		if t.ahead() {
			if e.State != settee.Pending {
				return queue.ErrNotStarted
			}
			if _, err := a.release(tx, lying{at, a.id, t.lane, t.estimate}, e.Reason, now); err != nil {
				return err
			}
			out.Counts = a.counts()
			out.Revoked, err = overtake(tx, now)
			return err
		}
		c := queue.Case{PromptID: t.promptID, CancelRequested: t.cancelRequested, Crashes: t.crashes, Cap: e.Cap}
		if w.out { // its word counts where nobody else can speak
			if c.Doubted, err = spare(tx, w.lane, w.id, now); err != nil {
				return err
			}
		}
		if w.doubtful(e.Ending) && !t.cancelRequested {
			if out.Moved, err = w.ask(tx, e.Ending, now); err != nil {
				return err
			}
			c.Doubted = len(out.Moved) > 0
		}
		if c.Critical(e.Ending) {
			if c.Losses, err = w.lossesOf(tx, at, now); err != nil {
				return err
			}
		}
		as, crash := queue.Judge(e.Ending, c)
		seconds := max(now.Sub(t.startedAt).Seconds(), 0)
		if _, err := tx.Exec(`UPDATE attempts SET ended_at = $3, reason = $4, seconds = $5 WHERE job_id = $1 AND n = $2`,
			at.JobID, at.N, now, e.Reason, seconds); err != nil {
			return err
		}
		if crash {
			t.crashes++
		}
		a.running--
		a.pass = max(a.pass-t.estimate+queue.Cost(as, seconds, a.weight), 0)
		out.State = as.State
		if as.State == settee.Pending {
			err = t.putBack(tx, a, now)
		} else {
			if e.State != settee.Pending {
				a.typical = queue.Typical(a.typical, seconds)
			}
			out.Last, out.Note, err = t.end(tx, a, as, e, now)
		}
		if err != nil {
			return err
		}
		out.Counts = a.counts()
		moved, err := w.learn(tx, at, e, as, c, db.kinds.fresh(w, now), now)
		if err != nil {
			return err
		}
		out.Moved = append(out.Moved, moved...)
		for _, m := range out.Moved {
			if m.Out {
				some, err := withdraw(tx, m.WorkerID, now)
				if err != nil {
					return err
				}
				out.Revoked = append(out.Revoked, some...)
			}
		}
		if as.State == settee.Pending || len(out.Revoked) > 0 {
			some, err := overtake(tx, now)
			out.Revoked = append(out.Revoked, some...)
			return err
		}
		return nil
	})
	if err == nil {
		db.kinds.note(w, e.State, now)
	}
	return out, err
}

// end gives the job its ending, after what came last.
func (t *attemptRow) end(tx *Tx, a *account, as queue.Ending, e queue.End, now time.Time) (last []queue.Executed, ending record.Note, err error) {
	first := queue.FirstSeq(0, t.N) + 1
	known := t.seq < first // nothing of it was written before
	ending = record.Note{Seq: first, Event: settee.Event{Type: as.Event.Type, Data: record.Stamp(as.Event.Data, now)}}
	t.add(e.Notes)
	for _, x := range e.Last {
		done, err := t.execute(tx, x, first, now)
		if err != nil {
			return nil, ending, err
		}
		last = append(last, done)
	}
	t.append(&ending)
	if err := t.flush(tx); err != nil {
		return nil, ending, err
	}
	if _, err := tx.Exec(`UPDATE jobs SET state = $2, reason = $3, crashes = $4, seq = $5, ended_at = $6, updated_at = $6,
			outputs_count = $7, preview_output = $8, media = $9 WHERE id = $1`, t.JobID, as.State, as.Reason, t.crashes, t.seq, now,
		t.summary.Count, t.summary.Preview, t.summary.Media); err != nil {
		return nil, ending, err
	}
	var all []record.Note
	if known {
		all = slices.Clone(e.Notes)
		for _, done := range last {
			all = append(all, done.Note)
		}
		all = append(all, ending)
	} else if all, err = notesOf(tx, t.JobID); err != nil {
		return nil, ending, err
	}
	if err := saveResult(tx, t.JobID, ending.Event, all); err != nil {
		return nil, ending, err
	}
	if err := dropSecrets(tx, t.JobID); err != nil {
		return nil, ending, err
	}
	if err := a.count(tx, settee.InProgress, as.State, 1); err != nil {
		return nil, ending, err
	}
	return last, ending, a.save(tx, nil)
}

// putBack lets the job wait again, at its old place, without what the attempt
// made: its outputs and events are withdrawn, its numbers stay used. A file
// that another job shows as well stays.
func (t *attemptRow) putBack(tx *Tx, a *account, now time.Time) error {
	if _, err := tx.Exec(`DELETE FROM assets WHERE job_id = $1
		AND NOT EXISTS (SELECT 1 FROM job_outputs o WHERE o.asset_id = assets.id AND o.job_id <> $1)`, t.JobID); err != nil {
		return err
	}
	for _, table := range []string{"job_outputs", "job_events"} {
		if _, err := tx.Exec(`DELETE FROM `+table+` WHERE job_id = $1 AND attempt = $2`, t.JobID, t.N); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`UPDATE jobs SET state = 'pending', crashes = $2, started_at = NULL, outputs_count = 0,
		preview_output = NULL, media = '', updated_at = $3 WHERE id = $1`, t.JobID, t.crashes, now); err != nil {
		return err
	}
	a.queued++
	if err := a.count(tx, settee.InProgress, settee.Pending, 1); err != nil {
		return err
	}
	return a.save(tx, map[string]int64{string(t.lane): 1})
}
