package v1

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// empty is the history of an account that did nothing yet.
type empty struct{}

func (empty) Counts(context.Context, string) (queue.Counts, error)              { return queue.Counts{}, nil }
func (empty) Trails(context.Context, string, time.Time) ([]record.Trail, error) { return nil, nil }

func always(context.Context) error { return nil }

// serve has sockets of one open account, at a pace of the test's.
func serve(t testing.TB, p pace, welcome func(context.Context) error, opt live.Options) (server *httptest.Server, publish func(settee.Frame)) {
	t.Helper()
	b := bus.NewLocal()
	opt.Log = slog.New(slog.DiscardHandler)
	hub := live.New(b, empty{}, opt)
	a := &API{Live: hub, Open: true}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.socket(w, r, p, welcome) }))
	t.Cleanup(server.Close)
	t.Cleanup(hub.Close)
	return server, func(f settee.Frame) {
		body, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(t.Context(), bus.Account, body); err != nil {
			t.Fatal(err)
		}
	}
}

// handshake opens a socket by hand, so that nothing answers pings.
func handshake(t testing.TB, server *httptest.Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	r := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s", response.Status)
	}
	return conn, r
}

func TestHalfOpenPeersGoAway(t *testing.T) {
	server, _ := serve(t, pace{write: time.Minute, ping: 10 * time.Millisecond, pong: 50 * time.Millisecond}, always, live.Options{})
	conn, r := handshake(t, server)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("the connection was not closed: %v", err)
	}
	if !strings.Contains(string(rest), "\x89\x011") {
		t.Errorf("no ping in %q", rest)
	}
}

func TestPeersThatAnswerPingsStay(t *testing.T) {
	server, publish := serve(t, pace{write: time.Minute, ping: time.Millisecond, pong: 20 * time.Second}, always, live.Options{})
	pings := make(chan struct{})
	conn, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			select {
			case pings <- struct{}{}:
			default:
			}
			return true
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	status := make(chan error, 2)
	go func() {
		for range 2 {
			_, _, err := conn.Read(t.Context())
			status <- err
		}
	}()
	for range 20 {
		<-pings
	}
	publish(settee.Frame{Type: settee.EventStatus, Data: []byte(`{}`)})
	for range 2 {
		if err := <-status; err != nil {
			t.Fatal(err)
		}
	}
}

// Whose key was deleted is not listened to any longer than a ping away.
func TestWhoIsNotWelcomeAnyMore(t *testing.T) {
	var revoked atomic.Bool
	server, _ := serve(t, pace{write: time.Minute, ping: time.Millisecond, pong: 20 * time.Second},
		func(context.Context) error {
			if revoked.Load() {
				return settee.Faultf(settee.CodeUnauthorized, "The API key is not valid.")
			}
			return settee.Faultf(settee.CodeUnavailable, "The database is away.")
		}, live.Options{})
	pings := make(chan struct{})
	conn, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{
		OnPingReceived: func(ctx context.Context, _ []byte) bool {
			select {
			case pings <- struct{}{}:
			case <-ctx.Done():
			}
			return true
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	closed := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				closed <- err
				return
			}
		}
	}()
	<-pings
	<-pings // it stays while nothing is known
	revoked.Store(true)
	for {
		select {
		case <-pings:
			continue
		case err := <-closed:
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
				t.Errorf("closed with %v", err)
			}
			return
		}
	}
}

// A peer that takes nothing is let go and holds nobody up.
func TestSlowPeersAreClosed(t *testing.T) {
	server, publish := serve(t, pace{write: 2 * time.Second, ping: time.Minute, pong: time.Minute}, always,
		live.Options{MaxQueued: 16, MaxBytes: 1 << 20})
	slow, _ := handshake(t, server)
	fast, _, err := websocket.Dial(t.Context(), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer fast.CloseNow()
	fast.SetReadLimit(1 << 20)
	read := func() string {
		_, b, err := fast.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	read()
	large := strings.Repeat("x", 128<<10)
	for i := range 200 { // 25 MB: more than any socket buffer
		publish(settee.Frame{Type: "custom", Data: fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, i, large)})
		if got, want := read(), fmt.Sprintf(`{"type":"custom","data":{"n":%d,`, i); !strings.HasPrefix(got, want) {
			t.Fatalf("got %.60s, want %s…", got, want)
		}
	}
	if err := slow.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, slow); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Errorf("the slow peer was not closed: %v", err)
	}
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// BenchmarkIdleSocket measures what an open socket costs in memory, both ends
// of its connection and the library included (B/socket).
func BenchmarkIdleSocket(b *testing.B) {
	server, publish := serve(b, steady, always, live.Options{})
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	n := 0
	for b.Loop() {
		_, r := handshake(b, server)
		if _, err := r.ReadByte(); err != nil { // its greeting
			b.Fatal(err)
		}
		n++
	}
	publish(settee.Frame{Type: settee.EventStatus, Data: []byte(`{}`)})
	b.ReportMetric(float64(used()-before)/float64(n), "B/socket")
}
