package hostile_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func (h *house) listen(clientID string) *websocket.Conn {
	h.t.Helper()
	header := http.Header{}
	if h.key != "" {
		header.Set("X-API-Key", h.key)
	}
	conn, _, err := websocket.Dial(h.t.Context(), h.URL+"/ws?clientId="+clientID, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		h.t.Fatal(err)
	}
	conn.SetReadLimit(4 << 20)
	h.t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// hears waits for the ending of a job.
func (h *house) hears(conn *websocket.Conn, id string) {
	h.t.Helper()
	ctx, done := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer done()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			h.t.Errorf("the other socket: %v", err)
			return
		}
		var m struct {
			Type string
			Data struct {
				PromptID string `json:"prompt_id"`
			}
		}
		if json.Unmarshal(text, &m) == nil && m.Type == "execution_success" && m.Data.PromptID == id {
			return
		}
	}
}

// Whatever a socket sends, at most that socket is closed; others hear their
// jobs.
func TestSocketsThatTalkNonsense(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		other := h.listen("other")
		for name, send := range map[string]func(conn *websocket.Conn) error{
			"garbage": func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageText, []byte("}{")) },
			"deep lists": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat("[", 1<<19)))
			},
			"binary": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageBinary, make([]byte, 1<<19))
			},
			"a huge message": func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageText, make([]byte, 8<<20)) },
			"huge and binary": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageBinary, make([]byte, 8<<20))
			},
			"flags of a list": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"feature_flags","data":[1]}`))
			},
			"flags of nothing": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"feature_flags"}`))
			},
			"a million bytes of flags": func(c *websocket.Conn) error {
				return c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"feature_flags","data":{"a":"`+strings.Repeat("x", 1_000_000)+`"}}`))
			},
			"many messages": func(c *websocket.Conn) error {
				for range 2000 {
					if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"x"}`)); err != nil {
						return err
					}
				}
				return nil
			},
		} {
			conn := h.listen("nonsense")
			_ = send(conn) // the server may hang up on it
			id, _ := h.job(fmt.Sprintf(`{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":%d}},"9":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`, len(name)), "completed")
			if h.key != "" {
				h.hears(other, id)
			}
			conn.CloseNow()
		}
	})
}

// Frames that break the protocol close their connection and nothing else.
func TestFramesThatBreakTheProtocol(t *testing.T) {
	h := enter(t)
	for name, frames := range map[string]string{
		"not masked":          "\x81\x02hi",
		"reserved bits":       "\xf1\x82\x00\x00\x00\x00hi",
		"an unknown opcode":   "\x83\x80\x00\x00\x00\x00",
		"a long ping":         "\x89\xfe\x01\x00\x00\x00\x00\x00" + strings.Repeat("x", 256),
		"a ping in parts":     "\x09\x81\x00\x00\x00\x00x",
		"a part of nothing":   "\x80\x81\x00\x00\x00\x00x",
		"a length of 2^63":    "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		"a length of 1 EiB":   "\x81\xff\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 2<<20),
		"a close of one byte": "\x88\x81\x00\x00\x00\x00\x03",
		"a close with 9999":   "\x88\x82\x00\x00\x00\x00\x27\x0f",
		"HTTP again":          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn := h.dial()
		fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", h.key)
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%s: %v %v", name, res, err)
		}
		go fmt.Fprint(conn, frames) // the server may hang up before it has all
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		for err == nil {
			_, err = in.ReadByte()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stayed open", name)
		}
	}
}

// A socket that never reads holds up no job and no other listener.
func TestASocketThatNeverReads(t *testing.T) {
	h := enter(t)
	deaf := h.listen("deaf")
	if err := deaf.Write(t.Context(), websocket.MessageText, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	other := h.listen("other")
	if err := other.Write(t.Context(), websocket.MessageText, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		id, _ := h.job(h.picture(i), "completed")
		h.hears(other, id)
	}
}
