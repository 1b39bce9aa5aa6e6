package comfyuitest

import (
	"net/http"
	"strings"
	"time"
)

// Faults are what goes wrong. The zero value is a good server.
type Faults struct {
	// DropSocket closes every socket once this many frames were sent to
	// clients of prompts, once; 0: never.
	DropSocket int
	// Die ends the process after that many frames: nothing is answered until
	// Restart.
	Die int
	// Lose reports that the n-th frame, counted from 1, of this type is not sent.
	Lose func(n int, kind string) bool
	// Mute has every connection that is open fall silent after that many frames,
	// once: no byte and no end comes over it any more; 0: never.
	Mute int
	// Answers replace what "METHOD /path" answers, one a request.
	Answers map[string][]Answer
	// CutView ends the first answers of /view after so many bytes.
	CutView []int
	// CutUpload breaks the connections of the first uploads after so many bytes.
	CutUpload []int
	// StallView has the first answers of /view stand still after so many bytes.
	StallView []int
	// Slow is how long each piece of a file takes, both ways.
	Slow time.Duration
	// DiskFull has uploads and nodes that write fail.
	DiskFull bool
	// IgnoreRange makes /view answer the whole file, whatever is asked.
	IgnoreRange bool
	// ForgetHistory keeps no entry.
	ForgetHistory bool
	// SilentSuccess keeps an entry that says success and has no messages.
	SilentSuccess bool
	// LoseInterrupts is how many interrupts have no effect.
	LoseInterrupts int
	// Newer makes the server one of 2026: /api/jobs/{id}/cancel, prompt ids that
	// must be UUIDs, files with the ids of an asset database, a history without
	// what was not sent.
	Newer bool
}

// Mute has every connection that is open fall silent, and with fresh those that
// come, until Fail.
func (s *Server) Mute(fresh bool) { s.lines.silence(fresh) }

// Answer replaces an answer. Status 0 breaks the connection; Truncate sends
// half of the real one; Late runs the handler and then breaks the connection;
// Hang never answers.
type Answer struct {
	Status   int
	Body     string
	Truncate bool
	Late     bool
	Hang     bool
}

// Fail sets what goes wrong from now on.
func (s *Server) Fail(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.frames = f, 0
	s.lines.hear()
}

// Kill ends the process: sockets close and nothing is answered until Restart.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// kill is Kill for those who hold mu.
func (s *Server) kill() {
	s.dead = true
	s.epoch++ // the thread of the old process ends
	for _, c := range s.sockets {
		c.cancel()
	}
	s.sockets = map[string]*client{}
	for _, g := range s.gates {
		close(g)
	}
	s.gates = map[string]chan struct{}{}
	if s.running != nil {
		s.running.interrupt()
	}
	close(s.wake)
	s.empty()
}

// Restart ends the process and starts another one, which knows nothing.
func (s *Server) Restart() {
	s.mu.Lock()
	if !s.dead {
		s.kill()
	}
	s.dead = false
	s.faults.Die = 0
	s.mu.Unlock()
	select {
	case <-s.stop:
	default:
		s.start()
	}
}

// troubled lets a fault answer first.
func (s *Server) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		dead := s.dead
		route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api")
		var fault *Answer
		for key, list := range s.faults.Answers {
			if len(list) > 0 && (route == key || strings.HasPrefix(route, key+"/")) {
				fault = &list[0]
				s.faults.Answers[key] = list[1:]
				break
			}
		}
		s.mu.Unlock()
		switch {
		case dead:
			panic(http.ErrAbortHandler)
		case fault == nil:
			next.ServeHTTP(w, r)
		case fault.Hang:
			select {
			case <-r.Context().Done():
			case <-s.stop:
			}
			panic(http.ErrAbortHandler)
		case fault.Late:
			next.ServeHTTP(discard{}, r)
			panic(http.ErrAbortHandler)
		case fault.Truncate:
			h := &half{ResponseWriter: w}
			next.ServeHTTP(h, r)
			w.Write(h.body[:len(h.body)/2])
		case fault.Status == 0:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(fault.Status)
			w.Write([]byte(fault.Body))
		}
	})
}

// discard takes an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// half holds an answer back.
type half struct {
	http.ResponseWriter
	body []byte
}

func (h *half) Write(p []byte) (int, error) {
	h.body = append(h.body, p...)
	return len(p), nil
}
