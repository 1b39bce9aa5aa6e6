package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
)

// room follows one account: it turns frames of the bus and what the history
// tells into one sequence a job, and hands it to the account's sessions.
type room struct {
	hub       *Hub
	accountID string

	users int       // guarded by the hub's mutex
	empty time.Time // since when users is 0; guarded by the hub's mutex

	ready  chan struct{} // closed when prepared
	failed error         // why it could not be, once ready

	mu       sync.Mutex
	sessions []*Session // in the order they joined
	jobs     map[string]*job
	places   int // jobs so far
	endings  int // endings so far
	status   []byte
	counted  []byte          // a status that the history had and the bus had not, one repair ago
	version  int64           // of the counts at the last repair
	repaired time.Time       // of the last repair that worked
	early    []*settee.Frame // heard while it was being prepared
	begun    bool            // it has been
	shut     bool
	timer    *time.Timer
	cancel   func()
}

func newRoom(h *Hub, accountID string) *room {
	return &room{hub: h, accountID: accountID, ready: make(chan struct{}), jobs: map[string]*job{}}
}

// prepare subscribes first and reads then, so that nothing falls in between.
func (r *room) prepare() {
	r.failed = r.load()
	if r.failed != nil && r.hub.ctx.Err() != nil {
		r.failed = ErrShutdown
	}
	if r.failed != nil {
		r.hub.abandon(r, true)
		r.close()
	}
	close(r.ready)
}

func (r *room) load() error {
	cancel, err := r.hub.bus.Subscribe(bus.Account+r.accountID, r.receive)
	if err != nil {
		return fmt.Errorf("listen to the account: %w", err)
	}
	r.mu.Lock()
	r.cancel = cancel
	r.mu.Unlock()
	if r.hub.ctx.Err() != nil { // closed meanwhile
		return ErrShutdown
	}
	ctx, done := context.WithTimeout(r.hub.ctx, 10*time.Second)
	defer done()
	at := r.hub.opt.Now()
	past, err := r.read(ctx, at.Add(-Recently), true)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repaired, r.version = at, past.counts.Version
	r.status = remaining(past.counts)
	for _, t := range past.jobs {
		r.know(t)
	}
	for _, f := range r.early {
		r.take(f)
	}
	r.early, r.begun = nil, true
	if !r.shut {
		r.timer = time.AfterFunc(r.hub.opt.Repair, r.tick)
	}
	return nil
}

// close ends the room and, after what waits for them, its sessions.
func (r *room) close() {
	r.mu.Lock()
	r.shut = true
	cancel := r.cancel
	r.cancel = nil
	if r.timer != nil {
		r.timer.Stop()
	}
	for _, s := range r.sessions {
		s.stop()
		s.out.end(ErrShutdown)
	}
	r.mu.Unlock()
	if cancel != nil {
		cancel() // outside the lock: it may wait for receive
	}
}

// wait waits until the room is ready.
func (r *room) wait(ctx context.Context) error {
	select {
	case <-r.ready:
		return r.failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive is the bus's callback: the account's frames, in order.
func (r *room) receive(body []byte) {
	f := &settee.Frame{}
	if err := json.Unmarshal(body, f); err != nil {
		r.hub.opt.Log.Warn("a frame on the bus cannot be read", "account", r.accountID, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.begun {
		r.early = append(r.early, f)
		return
	}
	r.take(f)
}

// take passes a frame on, if it is news.
func (r *room) take(in *settee.Frame) {
	f := &frame{Frame: in}
	if in.Binary == nil {
		f.message = text(in.Type, in.Data)
	} else if !r.takeBinary(f) {
		return
	}
	if in.JobID == "" {
		if in.Type == settee.EventStatus && in.Data != nil {
			r.status, r.counted = in.Data, nil
		}
		r.cast(f)
		if f.plain != nil {
			r.castPlain(f)
		}
		return
	}
	f.job = r.job(in.JobID, in.PromptID, in.ClientID)
	f.message.job = f.job
	before := f.job.ended
	if !f.job.admit(f, r.hub.opt.Now()) {
		return
	}
	if f.job.ended && !before {
		r.endings++
		f.job.endNo = r.endings
	}
	r.inOrder(f)
}

func (r *room) takeBinary(f *frame) bool {
	f.message = &message{body: f.Binary, binary: true, result: f.Wanted && isPNG(f.Binary)}
	f.image = binaryType(f.Binary) != binaryText
	if binaryType(f.Binary) == binaryMetadata {
		b := plain(f.Binary)
		if b == nil {
			return false
		}
		f.plain = &message{body: b, binary: true, result: f.message.result}
	}
	return true
}

// inOrder casts a frame; a type 1 preview goes after the progress that its type
// 4 goes before (protocol note 2.5).
func (r *room) inOrder(f *frame) {
	held := f.job.held
	f.job.held = nil
	if f.plain != nil {
		f.job.held = f
	}
	if held != nil && f.Type != settee.EventProgress {
		r.castPlain(held)
		held = nil
	}
	r.cast(f)
	if held != nil {
		r.castPlain(held)
	}
}

func (r *room) cast(f *frame) {
	for _, s := range r.sessions {
		if s.hears(f) && (f.plain == nil || s.knowsMetadata(f)) {
			s.out.put(f.message)
		}
	}
}

func (r *room) castPlain(f *frame) {
	for _, s := range r.sessions {
		if s.hears(f) && !s.knowsMetadata(f) {
			s.out.put(f.plain)
		}
	}
}

// job finds or makes what the room knows of a job.
func (r *room) job(id, promptID, clientID string) *job {
	j, ok := r.jobs[id]
	if !ok {
		r.places++
		j = &job{id: id, promptID: promptID, clientID: clientID, place: r.places}
		r.jobs[id] = j
	}
	return j
}

// heard notes that a client has heard a job's ending.
func (r *room) heard(j *job, clientID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j.listen(clientID)
}
