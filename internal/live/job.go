package live

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/settee/settee"
)

// job is what a room knows of a job: its durable events so far and where it is.
type job struct {
	id       string
	promptID string
	clientID string // who posted it
	attempt  int
	seq      int        // of the newest durable event
	trail    []*message // its durable events
	state    *message   // the newest progress_state
	current  *message   // the newest executing, while a node is current
	display  string     // current's display node
	held     *frame     // a preview with metadata that others get after the progress it belongs to

	place   int  // among the room's jobs, by first news
	ended   bool // its ending is in the trail
	endedAt time.Time
	endNo   int  // among the room's endings
	closed  bool // its executing null has passed

	heard   bool                // the client that posted it has heard its ending
	heardBy map[string]struct{} // client ids that have

	missing int  // newest Seq that the history had and the bus had not, one repair ago
	overdue bool // one repair ago it was gone from the history, or its executing null had not come
}

// frame is a settee.Frame on its way through a room.
type frame struct {
	*settee.Frame
	message *message
	job     *job
	plain   *message // of a type 4 preview: the type 1 that goes to those who do not know metadata
	image   bool     // a binary message that shows an image
}

// admit reports whether a frame is news, and remembers what it tells.
func (j *job) admit(f *frame, now time.Time) bool {
	if j.ended {
		last := f.Type == settee.EventExecuting && !j.closed
		j.closed = j.closed || last
		return last
	}
	if f.Attempt < j.attempt && f.Attempt != 0 {
		return false
	}
	if f.Attempt > j.attempt {
		j.begin(f.Attempt)
	}
	switch {
	case f.Seq > 0 && f.Seq <= j.seq:
		return false
	case f.Seq > 0 || f.Ended:
		j.add(f, now)
	case f.Type == settee.EventState:
		j.state = f.message
	case f.Type == settee.EventExecuting:
		j.executing(f)
	}
	return true
}

// begin starts another attempt: what the one before told is withdrawn.
func (j *job) begin(attempt int) {
	j.attempt = attempt
	j.trail, j.state, j.current, j.held = nil, nil, nil, nil
}

func (j *job) add(f *frame, now time.Time) {
	j.seq = max(j.seq, f.Seq)
	j.trail = append(j.trail, f.message)
	if f.Ended {
		j.end(now)
	}
}

func (j *job) end(at time.Time) {
	j.ended, j.endedAt = true, at
	j.state, j.current = nil, nil
	j.trail[len(j.trail)-1].end = true
}

func (j *job) executing(f *frame) {
	j.display = member(f.Data, "display_node")
	if j.display == "" {
		j.display = member(f.Data, "node")
	}
	j.current = f.message
	if j.display == "" { // null
		j.current = nil
	}
}

// listen notes that a client has heard the ending. Nobody is told it twice, and
// nobody else is once the client that posted the job knows.
func (j *job) listen(clientID string) {
	if j.clientID != "" && j.clientID == clientID {
		j.heard, j.heardBy, j.trail = true, nil, nil
	}
	if j.heard {
		return
	}
	if j.heardBy == nil {
		j.heardBy = map[string]struct{}{}
	}
	j.heardBy[clientID] = struct{}{}
}

// size is what the trail keeps in memory, in bytes.
func (j *job) size() int {
	n := 0
	for _, t := range j.trail {
		n += len(t.body)
	}
	return n
}

// member is a string member of an object; empty when it is anything else.
func member(object []byte, name string) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil || !bytes.HasPrefix(all[name], []byte{'"'}) {
		return ""
	}
	var s string
	if json.Unmarshal(all[name], &s) != nil {
		return ""
	}
	return s
}
