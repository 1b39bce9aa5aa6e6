package live

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// past is what the history knows of the account.
type past struct {
	counts queue.Counts
	read   bool // more than the counts, which have not changed
	jobs   []record.Trail
}

func (r *room) read(ctx context.Context, since time.Time, all bool) (p past, err error) {
	if p.counts, err = r.hub.history.Counts(ctx, r.accountID); err != nil {
		return p, fmt.Errorf("count the account's jobs: %w", err)
	}
	if !all && p.counts.Version == r.version && p.counts.Running == 0 {
		return p, nil
	}
	p.read = true
	if p.jobs, err = r.hub.history.Trails(ctx, r.accountID, since); err != nil {
		return p, fmt.Errorf("read the account's jobs: %w", err)
	}
	return p, nil
}

// know takes over what the history tells of a job that the room has not heard
// of.
func (r *room) know(t record.Trail) {
	if len(t.Notes) == 0 { // nobody has seen it start
		return
	}
	j := r.job(t.ID, t.PromptID, t.ClientID)
	j.attempt = t.Attempt
	for _, n := range t.Notes {
		m := text(n.Event.Type, n.Event.Data)
		m.job = j
		j.trail = append(j.trail, m)
		j.seq = n.Seq
	}
	if t.State.Terminal() {
		j.end(t.EndedAt)
		j.closed = true
		r.endings++
		j.endNo = r.endings
	}
}

// remaining is a status event's data.
func remaining(c queue.Counts) []byte {
	return []byte(`{"status":{"exec_info":{"queue_remaining":` + strconv.Itoa(c.Remaining()) + `}}}`)
}
