package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// past is what the history knows of the account.
type past struct {
	counts         queue.Counts
	read           bool // more than the counts, which have not changed
	running, ended []queue.Detail
}

func (r *room) read(ctx context.Context, since time.Time, all bool) (p past, err error) {
	if p.counts, err = r.hub.history.Counts(ctx, r.accountID); err != nil {
		return p, fmt.Errorf("count the account's jobs: %w", err)
	}
	if !all && p.counts.Version == r.version && p.counts.Running == 0 {
		return p, nil
	}
	p.read = true
	if p.ended, err = r.hub.history.Recent(ctx, r.accountID, since); err != nil {
		return p, fmt.Errorf("read the account's ended jobs: %w", err)
	}
	if p.running, _, err = r.hub.history.Live(ctx, r.accountID); err != nil {
		return p, fmt.Errorf("read the account's running jobs: %w", err)
	}
	return p, nil
}

// know takes over what the history tells of a job that the room has not heard
// of.
func (r *room) know(d queue.Detail) {
	j := r.job(d.ID, d.PromptID, d.ClientID)
	j.attempt = d.Attempt
	if d.State == settee.InProgress {
		for _, n := range d.Notes {
			j.note(text(n.Event.Type, n.Event.Data), n.Event.Data)
			j.seq = n.Seq
		}
		return
	}
	for _, e := range events(d) {
		m := text(e.Type, e.Data)
		m.job = j
		j.note(m, e.Data)
	}
	if len(j.trail) == 0 { // nobody has seen it start
		delete(r.jobs, d.ID)
		return
	}
	j.end(d.EndedAt)
	j.closed = true
	r.endings++
	j.endNo = r.endings
}

// events are an ended job's durable events, made of its result: those before it
// ran, executed in the order of execution, the ending.
func events(d queue.Detail) []settee.Event {
	var all []settee.Event
	var messages [][2]json.RawMessage
	if json.Unmarshal(d.Messages, &messages) != nil {
		return nil
	}
	for _, m := range messages {
		var e settee.Event
		if json.Unmarshal(m[0], &e.Type) == nil {
			e.Data = m[1]
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	last := all[len(all)-1]
	all = all[:len(all)-1]
	var meta map[string]struct {
		DisplayNode string `json:"display_node"`
	}
	if json.Unmarshal(d.Meta, &meta) != nil {
		meta = nil
	}
	for _, o := range members(d.Result.Outputs) {
		display := meta[o.name].DisplayNode
		if display == "" {
			display = o.name
		}
		data := bytes.Join([][]byte{[]byte(`{"node":`), quote(o.name), []byte(`,"display_node":`), quote(display),
			[]byte(`,"output":`), o.value, []byte(`,"prompt_id":`), quote(d.PromptID), {'}'}}, nil)
		all = append(all, settee.Event{Type: settee.EventExecuted, Data: data})
	}
	return append(all, last)
}

type entry struct {
	name  string
	value json.RawMessage
}

// members are an object's, in their order.
func members(object []byte) (all []entry) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return all
		}
		e := entry{name: name}
		if d.Decode(&e.value) != nil {
			return all
		}
		all = append(all, e)
	}
	return all
}

// remaining is a status event's data.
func remaining(c queue.Counts) []byte {
	return []byte(`{"status":{"exec_info":{"queue_remaining":` + strconv.Itoa(c.Remaining()) + `}}}`)
}
