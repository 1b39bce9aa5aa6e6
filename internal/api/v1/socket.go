package v1

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/live"
)

const (
	// maxReceived is what a client may send in one message, in bytes. Only its
	// first is read at all.
	maxReceived = 1 << 20
	// maxClientID is how long a clientId may be, in bytes.
	maxClientID = 1 << 10
)

// pace is how long a socket waits for its peer.
type pace struct {
	write time.Duration // for one message to be taken
	ping  time.Duration // between two pings
	pong  time.Duration // for the answer to one
}

var steady = pace{write: 30 * time.Second, ping: 30 * time.Second, pong: 20 * time.Second}

// Socket is GET /ws and GET /api/ws: the account's jobs as ComfyUI's messages
// (protocol note section 2). Who hears what is the live package's; here are the
// handshake, the pings and the ways to end: 1001 when the server stops, 1008
// when the key is not valid any more (within the time between two pings), 1013
// for a listener that is too slow, 1009 for a message that is too large.
func (a *API) Socket(w http.ResponseWriter, r *http.Request) {
	a.socket(w, r, steady, api.Welcome(r.Context()))
}

func (a *API) socket(w http.ResponseWriter, r *http.Request, p pace, welcome func(context.Context) error) {
	l, err := a.listener(r)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	session, err := a.Live.Attach(r.Context(), l)
	if errors.Is(err, live.ErrShutdown) {
		err = settee.Faultf(settee.CodeUnavailable, "The server is shutting down.")
	}
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	// No compression: it takes a megabyte a connection. Origins were checked.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		CompressionMode: websocket.CompressionDisabled, InsecureSkipVerify: true})
	if err != nil {
		session.Close()
		return
	}
	conn.SetReadLimit(maxReceived)
	// The handler ends here, so that what serving the request took is free; the
	// request's context is over then.
	s := &socket{conn: conn, session: session, pace: p, welcome: welcome}
	s.pulse = time.AfterFunc(time.Hour, s.beat)
	s.pulse.Reset(p.ping)
	go s.read()
	go s.write()
}

// listener is who opens a socket, or why not.
func (a *API) listener(r *http.Request) (l live.Listener, err error) {
	query := r.URL.Query()
	keyed := api.Key(r.Header) != "" || query.Get("token") != ""
	// A key was sent on purpose; a browser sends its cookies, and reaches an open
	// server, on behalf of any page.
	if (a.Open || !keyed) && !sameOrigin(r) {
		return l, settee.Faultf(settee.CodeForbidden, "Pages of other origins may not open this socket.")
	}
	if err := upgradable(r); err != nil {
		return l, err
	}
	account := api.Caller(r.Context())
	l = live.Listener{AccountID: account.ID, ClientID: query.Get("clientId"), Open: a.Open, Cookie: !a.Open && !keyed}
	switch {
	case len(l.ClientID) > maxClientID:
		return l, settee.Faultf(settee.CodeInvalid, "The clientId is longer than %d bytes.", maxClientID)
	case l.ClientID == "":
		l.ClientID = newClientID()
	}
	l.Features, err = json.Marshal(a.features(account))
	return l, err
}

// newClientID is 32 random hex digits, as ComfyUI gives to who brings no id.
func newClientID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// sameOrigin reports whether a request comes from a page of this server, or
// from no page.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// upgradable is a Fault when a request is no WebSocket handshake.
func upgradable(r *http.Request) error {
	h := r.Header
	switch {
	case !token(h, "Connection", "upgrade"), !token(h, "Upgrade", "websocket"):
		return settee.Faultf(settee.CodeInvalid, "This path is a WebSocket: it needs the headers Connection: Upgrade and Upgrade: websocket.")
	case r.Method != http.MethodGet, !r.ProtoAtLeast(1, 1), !isKey(h.Values("Sec-WebSocket-Key")):
		return settee.Faultf(settee.CodeInvalid, "This is not the handshake of a WebSocket.")
	case h.Get("Sec-WebSocket-Version") != "13":
		return settee.Faultf(settee.CodeInvalid, "Only version 13 of WebSocket is spoken here.")
	}
	return nil
}

// isKey reports whether a handshake has one key, of 16 bytes.
func isKey(values []string) bool {
	if len(values) != 1 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(values[0]))
	return err == nil && len(b) == 16
}

// token reports whether a header's comma-separated values have one of that name.
func token(h http.Header, header, name string) bool {
	for _, line := range h.Values(header) {
		for value := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(value), name) {
				return true
			}
		}
	}
	return false
}

// socket is an open one.
type socket struct {
	conn    *websocket.Conn
	session *live.Session
	pace    pace
	pulse   *time.Timer
	welcome func(context.Context) error // whether the listener still is
}

// read takes what the client sends, until the connection is over. It also
// answers pings and closes: the library does that while it reads.
func (s *socket) read() {
	defer s.session.Close()
	for wanted := true; ; {
		kind, message, err := s.conn.Reader(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText || !wanted {
			if _, err := io.Copy(io.Discard, message); err != nil {
				return
			}
			continue
		}
		text, err := io.ReadAll(message)
		if err != nil {
			return
		}
		wanted = s.session.Received(text)
	}
}

// write sends what the session hears, until it is over.
func (s *socket) write() {
	defer s.session.Close()
	defer s.pulse.Stop()
	for {
		m, err := s.session.Next(context.Background())
		if err != nil {
			s.close(err)
			return
		}
		if s.send(m) != nil {
			s.conn.CloseNow()
			return
		}
	}
}

// beat sees whether the peer is still there and still let in, and ends the
// connection when not.
func (s *socket) beat() {
	ctx, done := context.WithTimeout(context.Background(), s.pace.pong)
	defer done()
	switch settee.CodeOf(s.welcome(ctx)) {
	case settee.CodeUnauthorized, settee.CodeForbidden:
		_ = s.conn.Close(websocket.StatusPolicyViolation, "the key is not valid any more")
		return
	}
	if s.conn.Ping(ctx) != nil {
		s.conn.CloseNow()
		return
	}
	s.pulse.Reset(s.pace.ping)
}

func (s *socket) send(m live.Message) error {
	ctx, done := context.WithTimeout(context.Background(), s.pace.write)
	defer done()
	if m.Binary != nil {
		return s.conn.Write(ctx, websocket.MessageBinary, m.Binary)
	}
	return s.conn.Write(ctx, websocket.MessageText, m.Text)
}

// close ends the connection for the session's reason. It waits for the peer's
// answer, five seconds at most; a peer that is gone gives none.
func (s *socket) close(why error) {
	switch {
	case errors.Is(why, live.ErrShutdown):
		_ = s.conn.Close(websocket.StatusGoingAway, "the server is shutting down")
	case errors.Is(why, live.ErrSlow):
		_ = s.conn.Close(websocket.StatusTryAgainLater, "messages are taken too slowly")
	default: // the client has gone
		s.conn.CloseNow()
	}
}
