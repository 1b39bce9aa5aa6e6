package live

import (
	"context"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

const (
	// overlap is how far a repair looks behind the one before: units that were
	// being committed then.
	overlap = 10 * time.Second
	// keptBytes of ended jobs' events are kept for late listeners.
	keptBytes = 8 << 20
)

// tick looks after the room now and then, until it has been empty long enough.
func (r *room) tick() {
	if r.hub.abandon(r, false) {
		r.close()
		return
	}
	ctx, done := context.WithTimeout(r.hub.ctx, 10*time.Second)
	defer done()
	if err := r.repair(ctx); err != nil && r.hub.ctx.Err() == nil {
		r.hub.opt.Log.Warn("an account's listeners could not be brought up to date", "account", r.accountID, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shut {
		r.timer.Reset(r.hub.opt.Repair)
	}
}

// repair compares the room with the history. What the history has and the bus
// has not brought by the next repair is lost, and told then; what it has not
// brought yet may still be on its way.
func (r *room) repair(ctx context.Context) error {
	at := r.hub.opt.Now()
	past, err := r.read(ctx, r.repaired.Add(-overlap), false)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repaired = at
	unsure := r.recount(past.counts)
	if past.read {
		shown := map[string]bool{}
		for _, t := range past.jobs {
			shown[t.ID] = true
			unsure = r.catchUp(t) || unsure
		}
		unsure = r.forgetOthers(shown) || unsure
	}
	unsure = r.closeEnded() || unsure
	r.version = past.counts.Version
	if unsure {
		r.version = -1 // look again
	}
	r.sweep(at)
	return nil
}

// recount tells a status that was lost.
func (r *room) recount(c queue.Counts) (unsure bool) {
	now := remaining(c)
	switch {
	case string(now) == string(r.status):
		r.counted = nil
	case string(now) == string(r.counted):
		r.take(&settee.Frame{AccountID: r.accountID, Type: settee.EventStatus, Data: now})
	default:
		r.counted = now
		return true
	}
	return false
}

// catchUp tells the durable events of a job that were lost.
func (r *room) catchUp(t record.Trail) (unsure bool) {
	if len(t.Notes) == 0 {
		return false
	}
	j := r.job(t.ID, t.PromptID, t.ClientID)
	if j.ended {
		return false
	}
	j.overdue = false
	last := t.Notes[len(t.Notes)-1].Seq
	for _, n := range t.Notes {
		if n.Seq > j.seq && n.Seq <= j.missing {
			f := j.frame(t.Attempt, n.Seq, n.Event)
			f.Ended = n.Seq == last && t.State.Terminal()
			r.take(f)
		}
	}
	j.missing = 0
	if last > j.seq {
		j.missing = last
	}
	return j.missing > 0 || j.ended
}

// forgetOthers lets go of jobs that neither run nor have ended: they wait again,
// or their history was cleared.
func (r *room) forgetOthers(shown map[string]bool) (unsure bool) {
	for id, j := range r.jobs {
		if j.ended || shown[id] {
			continue
		}
		if j.overdue {
			delete(r.jobs, id)
			continue
		}
		j.overdue, unsure = true, true
	}
	return unsure
}

// closeEnded tells an executing null that was lost.
func (r *room) closeEnded() (unsure bool) {
	for _, j := range r.jobs {
		if !j.ended || j.closed {
			continue
		}
		if !j.overdue {
			j.overdue, unsure = true, true
			continue
		}
		r.take(j.frame(j.attempt, 0, settee.Event{Type: settee.EventExecuting,
			Data: []byte(`{"node":null,"prompt_id":` + string(pyjson.QuoteUTF8(j.promptID)) + `}`)}))
	}
	return unsure
}

// frame is an event of the job as the bus would have brought it.
func (j *job) frame(attempt, seq int, e settee.Event) *settee.Frame {
	return &settee.Frame{JobID: j.id, PromptID: j.promptID, ClientID: j.clientID,
		Type: e.Type, Data: e.Data, Attempt: attempt, Seq: seq}
}

// sweep forgets jobs that ended long ago, and the events of those for which
// there is no room.
func (r *room) sweep(now time.Time) {
	kept := 0
	all := r.sorted()
	for i := len(all) - 1; i >= 0; i-- {
		j := all[i]
		if !j.ended {
			continue
		}
		if now.Sub(j.endedAt) > Recently+overlap {
			delete(r.jobs, j.id)
			continue
		}
		if kept += j.size(); kept > keptBytes {
			j.heard, j.heardBy, j.trail = true, nil, nil
		}
	}
}
