package live

import (
	"context"
	"encoding/json"
	"time"
)

// stage is how far a session of the account has come; in open mode it plays no
// part.
type stage uint8

const (
	undecided stage = iota // may turn out to be an editor
	drawing                // an editor
	program                // hears everything
)

// Session is one listener's share of its account's frames. Next and Received
// may be called at the same time; each by one goroutine.
type Session struct {
	room *room
	who  Listener
	out  outbox

	// Guarded by the room's mutex.
	stage    stage
	editor   bool // gets previews
	metadata bool // knows previews with metadata
	greeted  bool // its first frame has come
	silent   bool // open mode: another socket has taken over its client id
	left     bool
	joined   int         // the room's endings when it joined
	patience *time.Timer // until it is clear that it is no editor

	ending *job // what Next has given and the listener may not have yet
}

func newSession(r *room, l Listener) *Session {
	s := &Session{room: r, who: l, editor: l.Cookie}
	s.out = outbox{count: r.hub.opt.MaxQueued, limit: r.hub.opt.MaxBytes, wake: make(chan struct{}, 1)}
	if l.Cookie {
		s.stage = drawing
	}
	return s
}

// Next waits for the next message. A call says that the message before has been
// passed on. Errors: ErrSlow, ErrShutdown, ErrClosed, or ctx's.
func (s *Session) Next(ctx context.Context) (Message, error) {
	if s.ending != nil {
		s.room.heard(s.ending, s.who.ClientID)
		s.ending = nil
	}
	for {
		m, err := s.out.take()
		if m != nil {
			if m.end {
				s.ending = m.job
			}
			return m.public(), nil
		}
		if err != nil {
			return Message{}, err
		}
		select {
		case <-s.out.wake:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Received takes a text message of the listener. Only the first counts: feature
// flags are answered, anything else means that it is no editor. It reports
// whether it wants to see the next one too.
func (s *Session) Received(message []byte) bool {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.greeted || s.left {
		return false
	}
	var m struct {
		Type string                     `json:"type"`
		Data map[string]json.RawMessage `json:"data"`
	}
	if json.Unmarshal(message, &m) != nil {
		return true
	}
	s.greeted = true
	if m.Type != "feature_flags" {
		r.settle(s)
		return false
	}
	s.out.put(text("feature_flags", s.who.Features))
	s.metadata = string(m.Data["supports_preview_metadata"]) == "true"
	if string(m.Data["supports_manager_v4_ui"]) != "true" {
		r.settle(s)
		return false
	}
	s.editor = true
	s.stage = drawing
	s.stop()
	return false
}

// stop forgets the timer of a session that is decided or over.
func (s *Session) stop() {
	if s.patience != nil {
		s.patience.Stop()
		s.patience = nil
	}
}

// Close ends the session. It may be called more than once.
func (s *Session) Close() {
	s.out.end(ErrClosed)
	if s.room.part(s) {
		s.room.hub.leave(s.room)
	}
}
