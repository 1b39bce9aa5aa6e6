package live

import (
	"slices"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// join begins a session: its first status, then what it has missed of the jobs
// that its own client id posted and that run (in open mode, as in ComfyUI, just
// which node is current), then frames as they come.
func (r *room) join(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := []*message{greeting(r.status, s.who.ClientID)}
	for _, j := range r.sorted() {
		if j.ended || j.clientID == "" || j.clientID != s.who.ClientID {
			continue
		}
		if !s.who.Open {
			first = append(first, j.missed()...)
		} else if j.current != nil {
			first = append(first, text(settee.EventExecuting, []byte(`{"node":`+string(pyjson.QuoteUTF8(j.display))+`}`)))
			break
		}
	}
	s.out.replay(first)
	s.joined = r.endings
	r.sessions = append(r.sessions, s)
	r.silence(s)
	if r.shut {
		s.out.end(ErrShutdown)
		return
	}
	if s.stage == undecided && !s.who.Open {
		s.patience = time.AfterFunc(Patience, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.settle(s)
		})
	}
}

// settle makes a program of a session that turned out to be no editor: it gets
// what it has missed, in order and once, and everything from then on.
func (r *room) settle(s *Session) {
	s.stop()
	if s.stage != undecided || s.left || r.shut {
		return
	}
	s.stage = program
	if s.who.Open {
		return
	}
	var missed []*message
	for _, j := range r.sorted() {
		switch {
		case j.ended:
			missed = append(missed, r.over(s, j)...)
		case j.clientID == "" || j.clientID != s.who.ClientID:
			missed = append(missed, j.trail...)
		}
	}
	s.out.replay(missed)
}

// over is what a late listener is told of an ended job: all of it, or nothing
// when the job ended too long ago, when the listener has heard it itself, or
// when the client that posted it has.
func (r *room) over(s *Session, j *job) []*message {
	if r.hub.opt.Now().Sub(j.endedAt) > Recently || j.heard {
		return nil
	}
	if _, told := j.heardBy[s.who.ClientID]; told {
		return nil
	}
	if j.clientID != "" && j.clientID == s.who.ClientID && j.endNo > s.joined {
		return nil // heard as it happened
	}
	all := slices.Clone(j.trail)
	if j.closed {
		all = append(all, closing(j.promptID))
	}
	return all
}

// missed is what a running job's own client is told when it comes back.
func (j *job) missed() []*message {
	all := slices.Clone(j.trail)
	if j.state != nil {
		all = append(all, j.state)
	}
	if j.current != nil {
		all = append(all, j.current)
	}
	return all
}

// sorted are the room's jobs: those that ended in the order they did, then the
// others in the order they began.
func (r *room) sorted() []*job {
	all := make([]*job, 0, len(r.jobs))
	for _, j := range r.jobs {
		all = append(all, j)
	}
	slices.SortFunc(all, func(x, y *job) int {
		switch {
		case x.ended != y.ended && x.ended:
			return -1
		case x.ended != y.ended:
			return 1
		case x.ended:
			return x.endNo - y.endNo
		}
		return x.place - y.place
	})
	return all
}

// silence keeps ComfyUI's rule of open mode after a session came or went: of
// sockets with one client id the newest is told everything and the others
// nothing; when it goes, the one before speaks for the client again.
func (r *room) silence(changed *Session) {
	if !changed.who.Open {
		return
	}
	newer := false
	for _, s := range slices.Backward(r.sessions) {
		if s.who.Open && s.who.ClientID == changed.who.ClientID {
			s.silent, newer = newer, true
		}
	}
}

// part takes a session out; false when it had been.
func (r *room) part(s *Session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.left {
		return false
	}
	s.left = true
	s.stop()
	r.sessions = slices.DeleteFunc(r.sessions, func(x *Session) bool { return x == s })
	r.silence(s)
	return true
}
