package comfyuitest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// client is one socket. Its frames are written by one goroutine, in order.
type client struct {
	id      string
	conn    *websocket.Conn
	cancel  context.CancelFunc
	out     chan message
	preview bool // announced supports_preview_metadata
}

type message struct {
	binary bool
	data   []byte
}

func (s *Server) ws(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &client{id: r.URL.Query().Get("clientId"), conn: conn, cancel: cancel, out: make(chan message, 1<<14)}
	if c.id == "" {
		c.id = strings.ReplaceAll(uuid.NewString(), "-", "")
	}
	s.mu.Lock()
	s.log.Sockets++
	s.sockets[c.id] = c
	c.text("status", fmt.Sprintf(`{"status": {"exec_info": {"queue_remaining": %d}}, "sid": %q}`, s.count(), c.id))
	if p := s.running; p != nil && p.clientID == c.id && p.current != "" {
		c.text("executing", fmt.Sprintf(`{"node": %q}`, p.current))
	}
	s.mu.Unlock()
	go func() {
		defer cancel()
		for first := true; ; first = false {
			_, data, err := conn.Read(ctx)
			if err != nil {
				return
			}
			var f struct {
				Type string
				Data struct {
					Preview bool `json:"supports_preview_metadata"`
				}
			}
			if first && json.Unmarshal(data, &f) == nil && f.Type == "feature_flags" {
				s.mu.Lock()
				c.preview = f.Data.Preview
				c.text("feature_flags", `{"supports_preview_metadata": true, "max_upload_size": 104857600}`)
				s.mu.Unlock()
			}
		}
	}()
	for {
		select {
		case m := <-c.out:
			kind := websocket.MessageText
			if m.binary {
				kind = websocket.MessageBinary
			}
			if conn.Write(ctx, kind, m.data) != nil {
				s.leave(c)
				return
			}
		case <-ctx.Done():
			s.leave(c)
			return
		}
	}
}

// leave forgets a socket by its id: a later one with the same id too, which is
// ComfyUI's own fault (protocol note 2.1).
func (s *Server) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, c.id)
}

func (c *client) text(kind, data string) {
	c.out <- message{data: []byte(`{"type": "` + kind + `", "data": ` + data + `}`)}
}

// status tells everybody how long the queue is. The caller holds mu.
func (s *Server) status() {
	for _, c := range s.sockets {
		c.text("status", fmt.Sprintf(`{"status": {"exec_info": {"queue_remaining": %d}}}`, s.count()))
	}
}

func (s *Server) count() int {
	n := len(s.queue)
	if s.running != nil {
		n++
	}
	return n
}

// send gives a frame to the client of a prompt, and counts it for the faults.
// The caller holds mu.
func (s *Server) send(clientID, kind string, m message) {
	if s.dead {
		return
	}
	s.frames++
	if s.faults.Lose == nil || !s.faults.Lose(s.frames, kind) {
		if c := s.sockets[clientID]; c != nil {
			c.out <- m
		}
	}
	if n := s.faults.Mute; n > 0 && s.frames >= n {
		s.faults.Mute = 0
		s.lines.silence(false)
	}
	if n := s.faults.DropSocket; n > 0 && s.frames >= n {
		s.faults.DropSocket = 0
		for id, c := range s.sockets {
			c.cancel()
			delete(s.sockets, id)
		}
	}
	if n := s.faults.Die; n > 0 && s.frames >= n {
		s.kill()
	}
}
