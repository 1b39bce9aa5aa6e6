package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// ListJobs is a page of an account's jobs (queue.Store). By creation it costs
// the page, not the account's past: each state has its index. The other orders
// and filters read all that match.
func (db *DB) ListJobs(ctx context.Context, accountID string, f record.Filter) (jobs []settee.Job, total int, err error) {
	args := []any{accountID}
	where := `j.account_id = $1 AND j.hidden_at IS NULL`
	if f.WorkflowID != "" {
		args = append(args, f.WorkflowID)
		where += fmt.Sprintf(` AND j.workflow_id = $%d`, len(args))
	}
	if f.MediaType != "" {
		args = append(args, "%,"+f.MediaType+",%")
		where += fmt.Sprintf(` AND ',' || j.media || ',' LIKE $%d`, len(args))
	}
	filtered := len(args) > 1
	err = db.Read(ctx, func(tx *Tx) error {
		if jobs, err = page(tx, where, args, f); err != nil {
			return err
		}
		if filtered {
			in := ""
			if len(f.States) > 0 {
				in = ` AND j.state IN (` + states(f.States) + `)`
			}
			return tx.QueryRow(`SELECT COUNT(*) FROM jobs j WHERE `+where+in, args...).Scan(&total)
		}
		return tx.QueryRow(countJobs(`account_id = $1`, f.States), accountID).Scan(&total)
	})
	return jobs, total, err
}

// page reads one page: by creation and of one state, or any, straight from the
// index; else of every state by itself, then merged.
func page(tx *Tx, where string, args []any, f record.Filter) ([]settee.Job, error) {
	direction := ` DESC`
	if f.Ascending {
		direction = ` ASC`
	}
	order := ` ORDER BY j.created_at` + direction + `, j.id` + direction
	if f.Sort == "execution_time" {
		order = ` ORDER BY j.ended_at - j.started_at` + direction + ` NULLS LAST, j.id` + direction
	}
	limit := f.Limit
	if limit <= 0 {
		limit = record.Everything - f.Offset
	}
	n := len(args)
	if f.Sort != "execution_time" && len(f.States) < 2 {
		for _, s := range f.States {
			where += ` AND j.state IN (` + states([]settee.JobState{s}) + `)`
		}
		return Collect(tx, scanJob, `SELECT `+jobColumns+jobTables+`WHERE `+where+order+
			fmt.Sprintf(` LIMIT $%d OFFSET $%d`, n+1, n+2), append(args[:n:n], limit, f.Offset)...)
	}
	args = append(args, limit+f.Offset, limit, f.Offset)
	const columns = `SELECT j.id, j.created_at, j.started_at, j.ended_at FROM jobs j WHERE `
	order += fmt.Sprintf(` LIMIT $%d`, n+1)
	picked := columns + where + order
	if len(f.States) > 0 {
		var each []string
		for i, s := range f.States {
			each = append(each, fmt.Sprintf(`SELECT * FROM (%s%s AND j.state IN (%s)%s) s%d`,
				columns, where, states([]settee.JobState{s}), order, i))
		}
		picked = strings.Join(each, ` UNION ALL `)
	}
	return Collect(tx, scanJob, `SELECT `+jobColumns+` FROM (`+picked+`) p JOIN jobs j ON j.id = p.id`+strings.TrimSuffix(order, fmt.Sprint(n+1))+
		fmt.Sprintf(`%d OFFSET $%d`, n+2, n+3), args...)
}

// AllJobs is a page of everybody's jobs (queue.Store).
func (db *DB) AllJobs(ctx context.Context, f record.AdminFilter) (jobs []settee.Job, total int, err error) {
	err = db.Read(ctx, func(tx *Tx) error {
		var args []any
		where, counted := `j.hidden_at IS NULL`, `account_id IS NOT NULL`
		if f.Account != "" {
			var id string
			err := tx.QueryRow(`SELECT id FROM accounts WHERE name = $1 OR id = $1`, f.Account).Scan(&id)
			if found, err := Found(err); !found {
				return err
			}
			args = []any{id}
			where, counted = where+` AND j.account_id = $1`, `account_id = $1`
		}
		if len(f.States) > 0 {
			where += ` AND j.state IN (` + states(f.States) + `)`
		}
		limit := f.Limit
		if limit <= 0 {
			limit = record.Everything
		}
		n := len(args)
		jobs, err = Collect(tx, scanJob, fmt.Sprintf(`SELECT `+jobColumns+jobTables+`WHERE `+where+
			` ORDER BY j.id DESC LIMIT $%d OFFSET $%d`, n+1, n+2), append(args[:n:n], limit, f.Offset)...)
		if err != nil {
			return err
		}
		return tx.QueryRow(countJobs(counted, f.States), args...).Scan(&total)
	})
	return jobs, total, err
}

// countJobs adds up job_counts.
func countJobs(where string, of []settee.JobState) string {
	if len(of) > 0 {
		where += ` AND state IN (` + states(of) + `)`
	}
	return `SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM job_counts WHERE ` + where
}

// states is a list of literals. Anything but the five words is left out.
func states(of []settee.JobState) string {
	words := []string{`''`}
	for _, s := range of {
		switch s {
		case settee.Pending, settee.InProgress, settee.Completed, settee.Failed, settee.Cancelled:
			words = append(words, quote(string(s)))
		}
	}
	if len(words) == 2 {
		return words[1]
	}
	return strings.Join(words, `, `)
}
