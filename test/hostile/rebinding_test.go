package hostile_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// A page that a browser shows cannot reach an open server under a name of its
// own (DNS rebinding), nor from another origin.
func TestRebinding(t *testing.T) {
	h := enter(t, "--open")
	host := strings.TrimPrefix(h.URL, "http://")
	_, port, _ := strings.Cut(host, ":")
	for _, name := range []string{"evil.example", "evil.example:" + port, "127.0.0.1.evil.example:" + port, "localhost.evil.example",
		"10.0.0.1:" + port, "0.0.0.0:" + port, "[::ffff:10.0.0.1]:" + port, "127.0.0.1@evil.example", "localhost:" + port + ".evil.example", "evillocalhost"} {
		for _, path := range []string{"/queue", "/api/queue", "/", "/nothing", "/files/x", "/admin/keys", "/metrics", "/healthz"} {
			a := h.ask("GET", path, nil, "Host", name)
			if a.status == 400 && !strings.Contains(a.header.Get("Content-Type"), "json") {
				continue // net/http's own, for what is no host name
			}
			h.refused(name+" "+path, a, 403)
		}
		h.refused("prompt under "+name, h.ask("POST", "/prompt", strings.NewReader(`{"prompt":`+h.picture(1)+`}`), "Host", name), 400, 403)
	}
	for _, name := range []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port, "LOCALHOST", "127.9.9.9"} {
		if a := h.ask("GET", "/queue", nil, "Host", name); a.status != 200 {
			t.Errorf("%s: %v", name, a)
		}
	}
	for _, origin := range []string{"http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:" + port,
		"http://" + host + ".evil.example", "http://evil.example#" + host, "file://", "chrome-extension://x", "x", "http://"} {
		for _, path := range []string{"/queue", "/view", "/ws"} {
			h.refused(path+" from "+origin, h.ask("GET", path, nil, "Origin", origin), 403)
		}
		h.refused("prompt from "+origin, h.ask("POST", "/prompt", strings.NewReader(`{"prompt":`+h.picture(1)+`}`), "Origin", origin, "Content-Type", "text/plain"), 403)
		conn, res, err := websocket.Dial(t.Context(), h.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if err == nil {
			conn.CloseNow()
			t.Errorf("a socket was opened from %s", origin)
		} else if res == nil || res.StatusCode != 403 {
			t.Errorf("a socket from %s: %v", origin, err)
		}
	}
	if a := h.ask("GET", "/queue", nil, "Origin", h.URL); a.status != 200 {
		t.Errorf("its own page: %v", a)
	}
}
