package crash_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/settee/settee/test/process"
)

// A server that is asked to stop (SIGTERM) claims no more, gives what runs the
// grace time, tells its sockets that it goes, and exits with 0. What it hands
// back, and what waited, is done after the next start.
func TestShutdown(t *testing.T) {
	t.Parallel()
	t.Run("what runs ends in time", func(t *testing.T) {
		each(t, func(t *testing.T, database string) {
			server := process.On(database, "--workers", "1", "--grace", late.String()).Serve(t)
			s := interrupted(t, server, 2)
			if s.ending != "execution_success" {
				t.Errorf("of the running job was heard %q before the socket closed", s.ending)
			}
			server.Start()
			if j, ok := s.c.job(t, s.running); !ok || j.Status != "completed" {
				t.Errorf("the running job is %q after the next start", j.Status)
			}
			s.judge(t)
		})
	})
	t.Run("what runs is handed back", func(t *testing.T) {
		each(t, func(t *testing.T, database string) {
			server := process.On(database, "--workers", "1", "--grace", "100ms").Serve(t)
			s := interrupted(t, server, 5)
			if s.ending != "" {
				t.Errorf("of a job that is handed back was heard %q", s.ending)
			}
			server.Start()
			s.judge(t)
		})
	})
}

// stopped is a server that was asked to stop with a job running and one waiting.
type stopped struct {
	c                *client
	running, waiting string
	ending           string // of the running job, as a socket heard it
}

// interrupted submits two jobs, the first with so many steps, stops the server
// when that runs, and listens until the socket closes.
func interrupted(t *testing.T, server *process.Server, steps int) *stopped {
	t.Helper()
	s := &stopped{c: &client{base: server.URL}}
	conn, _, err := websocket.Dial(t.Context(), server.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {process.Key}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if s.running, err = s.c.submit(t.Context(), long(0x112233, steps)); err != nil || s.running == "" {
		t.Fatalf("submit: %q %v", s.running, err)
	}
	s.c.until(t, s.running, within(late), func(j job) bool { return j.Status != "pending" })
	if s.waiting, err = s.c.submit(t.Context(), small(0x445566)); err != nil || s.waiting == "" {
		t.Fatalf("submit: %q %v", s.waiting, err)
	}
	closed := make(chan websocket.StatusCode, 1)
	ctx, done := context.WithTimeout(t.Context(), late)
	defer done()
	go func() {
		for {
			_, text, err := conn.Read(ctx)
			if err != nil {
				closed <- websocket.CloseStatus(err)
				return
			}
			var m struct {
				Type string
				Data struct {
					PromptID string `json:"prompt_id"`
				}
			}
			if json.Unmarshal(text, &m) != nil {
				t.Errorf("heard %q", text)
			}
			switch m.Type {
			case "execution_success", "execution_error", "execution_interrupted":
				if m.Data.PromptID != s.running {
					t.Errorf("heard %s of another job than the running one", m.Type)
				}
				s.ending = m.Type
			}
		}
	}()
	server.Stop() // fails the test unless it exits with 0
	if code := <-closed; code != websocket.StatusGoingAway {
		t.Errorf("the socket was closed with %d", code)
	}
	return s
}

// judge waits until both jobs have ended, and reads what they made.
func (s *stopped) judge(t *testing.T) {
	t.Helper()
	for id, color := range map[string]int{s.running: 0x112233, s.waiting: 0x445566} {
		j := s.c.until(t, id, within(late), job.ended)
		if j.Status != "completed" || len(j.files()) != 1 {
			t.Fatalf("job %s ended as %s with %d files", id, j.Status, len(j.files()))
		}
		s.c.whole(t, j.files()[0], color)
	}
}
