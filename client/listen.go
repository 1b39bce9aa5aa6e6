package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// readLimit is the largest frame taken: an error may quote megabytes, and a
// node that sends images sends them whole.
const readLimit = 128 << 20

// Listener is a socket that hears the account's events and is opened again when
// it breaks. What was said meanwhile is lost: Wait asks.
type Listener struct {
	client    *Client
	clientID  string
	events    chan Event
	connected atomic.Bool
	stop      context.CancelFunc
	done      chan struct{}
}

// Listen opens the socket of a session: jobs submitted with that client id are
// its own. It returns once the server has taken the first connection. The
// listener lives until Close or the end of ctx.
func (c *Client) Listen(ctx context.Context, clientID string) (*Listener, error) {
	conn, err := c.dial(ctx, clientID)
	if err != nil {
		return nil, err
	}
	return c.listen(ctx, clientID, conn), nil
}

// listen starts a listener with a connection, or (nil) with none yet.
func (c *Client) listen(ctx context.Context, clientID string, conn *websocket.Conn) *Listener {
	ctx, stop := context.WithCancel(ctx)
	l := &Listener{client: c, clientID: clientID, events: make(chan Event, 256), stop: stop, done: make(chan struct{})}
	l.connected.Store(conn != nil)
	go l.run(ctx, conn)
	return l
}

// Events is closed when the listener ends.
func (l *Listener) Events() <-chan Event { return l.events }

// Connected reports whether the socket is open now, as far as is known.
func (l *Listener) Connected() bool { return l.connected.Load() }

// Close ends the listener and waits until it has let go of everything.
func (l *Listener) Close() {
	l.stop()
	<-l.done
}

func (l *Listener) run(ctx context.Context, conn *websocket.Conn) {
	defer close(l.done)
	defer close(l.events)
	defer l.stop()
	pause := firstPause
	for {
		if conn == nil {
			var err error
			if conn, err = l.client.dial(ctx, l.clientID); refused(err) {
				return
			}
		}
		if conn != nil {
			l.connected.Store(true)
			if l.read(ctx, conn) {
				pause = firstPause
			}
			l.connected.Store(false)
			conn.CloseNow()
			conn = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// refused reports whether trying again is of no use.
func refused(err error) bool {
	status := StatusOf(err)
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// Pauses before the socket is opened again.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
)

// read hands on what conn says until it breaks; true when it said anything.
func (l *Listener) read(ctx context.Context, conn *websocket.Conn) (heard bool) {
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go keepAlive(alive, conn)
	for {
		kind, frame, err := conn.Read(ctx)
		if err != nil {
			return heard
		}
		heard = true
		event := binaryEvent(frame)
		if kind == websocket.MessageText {
			if event, err = textEvent(frame); err != nil {
				continue // one bad message is no reason to lose the others
			}
		}
		select {
		case l.events <- event:
		case <-ctx.Done():
			return heard
		}
	}
}

// keepAlive asks for a pong now and then, and breaks a connection that gives
// none: a read alone would not notice.
func keepAlive(ctx context.Context, conn *websocket.Conn) {
	ticker := time.NewTicker(20 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wait, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := conn.Ping(wait)
		cancel()
		if err != nil {
			conn.CloseNow()
			return
		}
	}
}

// dial opens a socket. The key goes into the query, as every server of this API
// takes it; therefore no redirect is followed and no error holds the URL.
func (c *Client) dial(ctx context.Context, clientID string) (*websocket.Conn, error) {
	query := url.Values{"clientId": {clientID}}
	if c.key != "" {
		query.Set("token", c.key)
	}
	u := c.link("/ws", query)
	direct := *c.http
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	direct.Timeout = 0
	opening, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, res, err := websocket.Dial(opening, u.String(), &websocket.DialOptions{
		HTTPClient: &direct,
		HTTPHeader: http.Header{"User-Agent": {c.userAgent}},
	})
	if err != nil {
		if res != nil {
			if res.Body != nil {
				defer res.Body.Close()
			}
			if res.StatusCode != http.StatusSwitchingProtocols {
				return nil, fail(res)
			}
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, withoutURL(ctx, http.MethodGet, u, err)
	}
	conn.SetReadLimit(readLimit)
	return conn, nil
}
