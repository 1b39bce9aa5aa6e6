package v1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/v1"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store/storetest"
)

// socketHouse is a house whose sockets are served.
type socketHouse struct {
	*house
	hub    *live.Hub
	server *httptest.Server
}

func newSocketHouse(t *testing.T, open bool) *socketHouse {
	t.Helper()
	db := storetest.SQLite(t)
	hints := bus.NewLocal()
	t.Cleanup(func() { hints.Close() })
	h := &socketHouse{house: &house{t: t, clock: &clock{now: start}, log: new(bytes.Buffer)}}
	for _, id := range []string{"a", "b", "everybody"} {
		storetest.Account(t, db, id, settee.Tier{QueueLimit: 20})
	}
	quiet := slog.New(slog.DiscardHandler)
	h.Service = queue.New(db, hints, queue.Options{Now: h.clock.Now, Poll: time.Hour, Log: quiet})
	h.hub = live.New(hints, h.Service, live.Options{Now: h.clock.Now, Log: quiet, Repair: time.Hour})
	h.api = &v1.API{
		Queue:     h.Service,
		Admission: admission.New(workers{}, noFiles{}, h.Service, func([]byte) (string, error) { return "sealed", nil }),
		Pools:     workers{},
		Live:      h.hub,
		Open:      open,
		MaxUpload: 1 << 20,
		Now:       h.clock.Now,
	}
	r := api.New(api.Deps{Accounts: keys{}, Open: open, Log: slog.New(slog.NewJSONHandler(h.log, nil)), Now: h.clock.Now})
	h.api.Mount(r)
	h.handler = r
	h.server = httptest.NewServer(r)
	t.Cleanup(h.server.Close)
	t.Cleanup(h.hub.Close)
	var err error
	if h.session, err = h.Open(t.Context(), "worker", "native", settee.Description{Engine: "native", Depth: 1}); err != nil {
		t.Fatal(err)
	}
	return h
}

// peer is a client's end of a socket.
type peer struct {
	*websocket.Conn
	t *testing.T
}

func (h *socketHouse) dial(path string, header ...string) peer {
	h.t.Helper()
	fields := http.Header{}
	for i := 0; i < len(header); i += 2 {
		fields.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, h.server.URL+path, &websocket.DialOptions{HTTPHeader: fields})
	if err != nil {
		h.t.Fatal(err)
	}
	if x := response.Header.Get("Sec-WebSocket-Extensions"); x != "" {
		h.t.Errorf("extensions %q were agreed on", x)
	}
	h.t.Cleanup(func() { conn.CloseNow() })
	return peer{conn, h.t}
}

// next is the next text message.
func (p peer) next() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	kind, b, err := p.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if kind != websocket.MessageText {
		p.t.Fatalf("a message of kind %v", kind)
	}
	return string(b)
}

func (p peer) expect(want ...string) {
	p.t.Helper()
	for i, w := range want {
		if got := p.next(); got != w {
			p.t.Errorf("message %d:\n got %s\nwant %s", i, got, w)
		}
	}
}

// ends reads to the end and answers the code of the close.
func (p peer) ends() websocket.StatusCode {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	for {
		if _, _, err := p.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func (p peer) say(kind websocket.MessageType, text string) {
	p.t.Helper()
	if err := p.Write(p.t.Context(), kind, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

func statusText(n, more string) string {
	return `{"type":"status","data":{"status":{"exec_info":{"queue_remaining":` + n + `}}` + more + `}}`
}

// story is what a job of complete tells, but for status.
func story(id, startedAt, endedAt string) []string {
	return []string{
		`{"type":"execution_start","data":{"prompt_id":"` + id + `","timestamp":` + startedAt + `}}`,
		`{"type":"executed","data":{"node":"9","display_node":"9","output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]},"prompt_id":"` + id + `"}}`,
		`{"type":"execution_success","data":{"prompt_id":"` + id + `","timestamp":` + endedAt + `}}`,
		`{"type":"executing","data":{"node":null,"prompt_id":"` + id + `"}}`,
	}
}

func TestSocketTellsAJobFromSubmitToEnd(t *testing.T) {
	h := newSocketHouse(t, false)
	for _, header := range [][]string{{"X-API-Key", "key-a"}, {"Authorization", "Bearer key-a", "Origin", "https://elsewhere.example"}} {
		p := h.dial("/api/ws?clientId=me", header...)
		p.say(websocket.MessageText, `{"type":"feature_flags","data":{}}`)
		p.expect(statusText("0", `,"sid":"me"`),
			`{"type":"feature_flags","data":{"supports_preview_metadata":true,"max_upload_size":1048576,"max_concurrent_jobs":5}}`)
		p.Close(websocket.StatusNormalClosure, "")
	}
	p := h.dial("/ws?clientId=me&token=key-a")
	p.say(websocket.MessageText, `{"type":"hello"}`)
	other := h.dial("/ws?clientId=me&token=key-b")
	other.say(websocket.MessageText, `{"type":"hello"}`)
	p.expect(statusText("0", `,"sid":"me"`))
	h.complete(id1, "")
	s := story(id1, "1767225601000", "1767225602000")
	p.expect(statusText("1", ""), statusText("1", ""), s[0], s[1], s[2], statusText("0", ""), s[3])

	h.hub.Close()
	if code := p.ends(); code != websocket.StatusGoingAway {
		t.Errorf("closed with %v, want 1001", code)
	}
	other.expect(statusText("0", `,"sid":"me"`))
	if code := other.ends(); code != websocket.StatusGoingAway {
		t.Errorf("another account's socket has heard more, or ended with %v", code)
	}
	h.ask("GET", "/api/ws", "", "X-API-Key", "key-a", "Connection", "Upgrade", "Upgrade", "websocket",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==").
		is(503, `{"code":"unavailable","message":"The server is shutting down."}`)
	if text := h.log.String(); strings.Contains(text, "key-a") || strings.Contains(text, "token") {
		t.Error("a key is in the log")
	}
}

// The overview's clients submit first and listen then.
func TestSocketOpenedAfterTheJobHasEnded(t *testing.T) {
	h := newSocketHouse(t, false)
	h.complete(id1, "")
	p := h.dial("/ws?token=key-a")
	first := p.next()
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(`{"type":"status","data":{"status":{"exec_info":{"queue_remaining":0}},"sid":"`) + `[0-9a-f]{32}"}}$`).MatchString(first) {
		t.Errorf("the first message is %s", first)
	}
	p.expect(story(id1, "1767225601000", "1767225602000")...)
}

func TestSocketHandshakesThatAreRefused(t *testing.T) {
	upgrade := []string{"Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	with := func(more ...string) []string { return append(upgrade[:len(upgrade):len(upgrade)], more...) }
	h := newSocketHouse(t, false)
	const notWebSocket = `{"code":"invalid_request","message":"This path is a WebSocket: it needs the headers Connection: Upgrade and Upgrade: websocket."}`
	for _, c := range []struct {
		name, path string
		header     []string
		status     int
		body       string
	}{
		{"wrong token", "/ws?token=wrong", upgrade, 401, `{"code":"unauthorized","message":"This key is not known."}`},
		{"no key", "/api/ws", upgrade, 401, `{"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`},
		{"an operator's key", "/ws?token=key-admin", upgrade, 403, `{"code":"forbidden","message":"An operator's key opens /admin only; use a key of an account."}`},
		{"no upgrade", "/ws?clientId=x", []string{"X-API-Key", "key-a"}, 400, notWebSocket},
		{"half an upgrade", "/ws?token=key-a", []string{"Upgrade", "websocket"}, 400, notWebSocket},
		{"no upgrade and a wrong key", "/ws?token=wrong", []string{"Accept", "*/*"}, 401, `{"code":"unauthorized","message":"This key is not known."}`},
		{"old version", "/ws?token=key-a", with("Sec-WebSocket-Version", "8"), 400, `{"code":"invalid_request","message":"Only version 13 of WebSocket is spoken here."}`},
		{"no key of a handshake", "/ws?token=key-a", with("Sec-WebSocket-Key", "short"), 400, `{"code":"invalid_request","message":"This is not the handshake of a WebSocket."}`},
		{"long id", "/ws?token=key-a&clientId=" + strings.Repeat("x", 1025), upgrade, 400, `{"code":"invalid_request","message":"The clientId is longer than 1024 bytes."}`},
	} {
		t.Run(c.name, func(t *testing.T) { h.send("GET", c.path, "", c.header...).is(c.status, c.body) })
	}
	open := newSocketHouse(t, true)
	open.send("GET", "/ws", "", with("Origin", "http://elsewhere.example")...).
		is(403, `{"code":"forbidden","message":"Pages of other origins may not use this server."}`)
	open.send("GET", "/ws", "", "Accept", "*/*").is(400, notWebSocket)
}

func TestSocketOfAnOpenServerRoutesByClientID(t *testing.T) {
	h := newSocketHouse(t, true)
	me := h.dial("/ws?clientId=me", "Origin", h.server.URL)
	me.expect(statusText("0", `,"sid":"me"`))
	other := h.dial("/ws?clientId=other")
	other.expect(statusText("0", `,"sid":"other"`))
	h.complete(id1, `,"client_id":"me"`)
	s := story(id1, "1767225601000", "1767225602000")
	me.expect(statusText("1", ""), statusText("1", ""), s[0], s[1], s[2], statusText("0", ""), s[3])
	other.expect(statusText("1", ""), statusText("1", ""), statusText("0", ""))
}

func TestSocketTakesWhateverClientsSend(t *testing.T) {
	h := newSocketHouse(t, true)
	p := h.dial("/ws?clientId=me")
	p.expect(statusText("0", `,"sid":"me"`))
	p.say(websocket.MessageBinary, "\x00\x01\x02")
	p.say(websocket.MessageText, "no JSON")
	p.say(websocket.MessageText, "")
	p.say(websocket.MessageText, `{"type":"feature_flags","data":{"x":"`+strings.Repeat("x", 1<<19)+`"}}`)
	p.expect(`{"type":"feature_flags","data":{"supports_preview_metadata":true,"max_upload_size":1048576}}`)
	p.say(websocket.MessageText, `{"type":"feature_flags","data":{}}`)
	p.say(websocket.MessageBinary, strings.Repeat("x", 1<<20))
	if err := p.Ping(p.CloseRead(t.Context())); err != nil {
		t.Fatal(err)
	}
	large := h.dial("/ws?clientId=large")
	large.say(websocket.MessageText, strings.Repeat("x", 1<<20+1))
	if code := large.ends(); code != websocket.StatusMessageTooBig {
		t.Errorf("closed with %v, want 1009", code)
	}
}

// A plain HTTP client reads why.
func TestSocketRefusalIsAnHTTPAnswer(t *testing.T) {
	h := newSocketHouse(t, false)
	_, response, err := websocket.Dial(t.Context(), h.server.URL+"/ws?token=wrong", nil)
	if err == nil {
		t.Fatal("a wrong token opened a socket")
	}
	body, _ := io.ReadAll(response.Body)
	var fault struct{ Code, Message string }
	if response.StatusCode != 401 || json.Unmarshal(body, &fault) != nil || fault.Code != "unauthorized" {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}
