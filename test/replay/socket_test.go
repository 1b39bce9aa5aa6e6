package replay_test

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee/internal/recording"
)

// frame is a message of a socket: text, or binary.
type frame struct {
	text, binary []byte
}

// event is what a text frame says, as far as waiting for it goes.
type event struct {
	Type string
	Data struct {
		PromptID string `json:"prompt_id"`
		Node     *string
		SID      string
	}
}

func (f frame) event() (e event) {
	if f.text != nil {
		_ = json.Unmarshal(f.text, &e) // a frame of another shape is no event that is waited for
	}
	return e
}

// listener is a client's socket and what it has heard.
type listener struct {
	*testing.T
	name string
	conn *websocket.Conn

	mu     sync.Mutex
	frames []frame
	more   chan struct{} // closed and replaced with each frame
	over   bool          // the connection has ended
}

// listen opens a client's socket and waits for its greeting. With keys the
// client says that it is an editor: only then its socket hears what ComfyUI's do.
func (s *server) listen(c recording.Client) *listener {
	s.Helper()
	query := url.Values{"clientId": {c.ClientID}}
	if !s.open {
		query.Set("token", s.key)
	}
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, strings.Replace(s.url, "http", "ws", 1)+s.path("/ws")+"?"+query.Encode(), nil)
	if err != nil {
		s.Fatalf("socket %s: %v", c.Socket, err)
	}
	if response.Body != nil {
		response.Body.Close()
	}
	conn.SetReadLimit(64 << 20)
	l := &listener{T: s.T, name: c.Socket, conn: conn, more: make(chan struct{})}
	go l.read()
	s.Cleanup(func() { conn.CloseNow() })
	l.until("a greeting", func(f frame) bool { return f.event().Data.SID == c.ClientID })
	features := strings.TrimSuffix(strings.TrimPrefix(string(c.Features), "null"), "}")
	if !s.open {
		features = cmp.Or(features, "{")
		if features != "{" {
			features += ","
		}
		features += `"supports_manager_v4_ui":true`
	}
	if features != "" {
		if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"feature_flags","data":`+features+`}}`)); err != nil {
			s.Fatal(err)
		}
		l.until("the server's features", func(f frame) bool { return f.event().Type == "feature_flags" })
	}
	return l
}

func (l *listener) read() {
	for {
		kind, b, err := l.conn.Read(context.Background())
		l.mu.Lock()
		switch {
		case err != nil:
			l.over = true
		case kind == websocket.MessageText:
			l.frames = append(l.frames, frame{text: b})
		default:
			l.frames = append(l.frames, frame{binary: b})
		}
		close(l.more)
		l.more = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// until waits for a frame that is wanted and gives its index.
func (l *listener) until(what string, wanted func(frame) bool) int {
	l.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for seen := 0; ; {
		l.mu.Lock()
		frames, more, over := l.frames, l.more, l.over
		l.mu.Unlock()
		for ; seen < len(frames); seen++ {
			if wanted(frames[seen]) {
				return seen
			}
		}
		if over {
			l.Fatalf("socket %s ended before it heard %s", l.name, what)
		}
		select {
		case <-more:
		case <-late.C:
			l.Fatalf("socket %s has not heard %s but %s", l.name, what, l.last())
		}
	}
}

// executing waits for an executing frame of a node; "" is null.
func (l *listener) executing(promptID, node string) {
	l.Helper()
	l.until("executing "+node+" of "+promptID, func(f frame) bool {
		e := f.event()
		if e.Type != "executing" || e.Data.PromptID != promptID {
			return false
		}
		return e.Data.Node == nil && node == "" || e.Data.Node != nil && *e.Data.Node == node
	})
}

// heard are the frames so far.
func (l *listener) heard() []frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.frames
}

// last are the newest frames, for messages.
func (l *listener) last() string {
	frames := l.heard()
	var lines []string
	for _, f := range frames[max(0, len(frames)-4):] {
		lines = append(lines, string(f.text[:min(len(f.text), 200)]))
	}
	return strings.Join(lines, "\n")
}
