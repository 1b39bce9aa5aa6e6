package store

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// ExecuteNode names a node's files and writes its output down (queue.Store).
func (db *DB) ExecuteNode(ctx context.Context, a queue.Attempt, x engine.Executed, notes []record.Note, at int, now time.Time) (done queue.Executed, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		t, err := under(tx, a)
		if err != nil {
			return err
		}
		if t.seq >= at {
			var again bool
			if done, again, err = executedAt(tx, a, at); again || err != nil {
				return err
			}
		}
		if err := t.write(tx, notes, now); err != nil {
			return err
		}
		if done, err = t.execute(tx, x, at, now); err != nil {
			return err
		}
		if err := t.flush(tx); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE jobs SET seq = $2, outputs_count = $3, preview_output = $4, media = $5, updated_at = $6
			WHERE id = $1`, t.JobID, t.seq, t.summary.Count, t.summary.Preview, t.summary.Media, now)
		return err
	})
	return done, err
}

// execute names a node's files and appends its output under at, or the next Seq. The
// caller keeps the job's row and flushes.
func (t *attemptRow) execute(tx *Tx, x engine.Executed, at int, now time.Time) (done queue.Executed, err error) {
	names := map[[2]int]settee.File{}
	for k, key := range x.Output {
		for i, e := range key.Entries {
			f, err := t.attach(tx, x.Node, key.Name, i, e, now)
			if err != nil {
				return done, err
			}
			names[[2]int{k, i}] = f
		}
	}
	file := func(k, i int) settee.File { return names[[2]int{k, i}] }
	done.Output = record.Output(x, file)
	t.summary.Add(x, file)
	done.Note = record.Note{Seq: at, Event: settee.Event{Type: settee.EventExecuted}}
	done.Note.Event.Data, done.Note.Meta = record.ExecutedData(t.promptID, x, done.Output)
	t.append(&done.Note)
	return done, nil
}

// attach gives an entry's file its name and ties it to the attempt. An entry
// without a file has none.
func (t *attemptRow) attach(tx *Tx, node, key string, i int, e engine.Entry, now time.Time) (settee.File, error) {
	var (
		f    settee.File
		id   string
		hash string
	)
	switch {
	case e.New != nil:
		var err error
		hash = e.New.Blob.Hash
		if f, id, err = t.mint(tx, *e.New, now); err != nil {
			return f, err
		}
	case e.Old != nil:
		f = *e.Old
		err := tx.QueryRow(`SELECT id, hash FROM assets
			WHERE account_id = $1 AND type = $2 AND subfolder = $3 AND filename = $4`,
			t.accountID, f.Type, f.Subfolder, f.Filename).Scan(&id, &hash)
		if found, err := Found(err); err != nil {
			return f, err
		} else if !found && f.Type == settee.Input {
			return f, nil // a name that was deleted meanwhile is still shown
		} else if !found {
			return f, settee.Faultf(settee.CodeNotFound, "The file %s is not there any more.", f.Filename)
		}
	default:
		return f, nil
	}
	_, err := tx.Exec(`INSERT INTO job_outputs (job_id, attempt, node, key, idx, asset_id, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (job_id, attempt, node, key, idx)
		DO UPDATE SET asset_id = excluded.asset_id, hash = excluded.hash`, t.JobID, t.N, node, key, i, id, hash)
	return f, err
}

// mint keeps a file's bytes and makes an asset: under the name asked for, whose
// former bytes it replaces, or under the account's next free number.
func (t *attemptRow) mint(tx *Tx, n engine.NewFile, now time.Time) (f settee.File, id string, err error) {
	if err := keep(tx, n.Bytes, time.Time{}); err != nil {
		return f, "", err
	}
	f = settee.File{Filename: n.Name, Subfolder: n.Subfolder, Type: n.Type}
	id = settee.NewID()
	const insert = `INSERT INTO assets (id, account_id, type, subfolder, filename, hash, size, mime, job_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (account_id, type, subfolder, filename) DO `
	if n.Name != "" {
		err = tx.QueryRow(insert+`UPDATE SET hash = excluded.hash, size = excluded.size, mime = excluded.mime,
			job_id = excluded.job_id, created_at = excluded.created_at, updated_at = excluded.updated_at RETURNING id`,
			id, t.accountID, f.Type, f.Subfolder, f.Filename, n.Blob.Hash, n.Blob.Size, n.MIME, t.JobID, now).Scan(&id)
		if err != nil {
			return f, id, err
		}
		return f, id, count(tx, t.accountID, f, noPrefix)
	}
	for made := int64(0); made == 0; {
		var counter int64
		if err := tx.QueryRow(`INSERT INTO output_counters (account_id, type, subfolder, prefix, next) VALUES ($1, $2, $3, $4, 2)
			ON CONFLICT (account_id, type, subfolder, prefix) DO UPDATE SET next = output_counters.next + 1
			RETURNING next - 1`, t.accountID, n.Type, n.Subfolder, n.Prefix).Scan(&counter); err != nil {
			return f, "", err
		}
		f.Filename = record.FileName(n, counter)
		if made, err = tx.Exec(insert+`NOTHING`,
			id, t.accountID, f.Type, f.Subfolder, f.Filename, n.Blob.Hash, n.Blob.Size, n.MIME, t.JobID, now); err != nil {
			return f, "", err
		}
	}
	return f, id, count(tx, t.accountID, f, n.Prefix)
}
