package client

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// Coordinator is the server as a worker on another machine sees it: what gives
// out jobs and takes what became of them. The client's key must be a worker's
// token. One Coordinator is for one worker; it is safe for concurrent use.
//
// What holds: a call that was not answered is made again, as the same call, until
// it is or until the session's lease has passed, as far as this side can know;
// then its fault is CodeLeaseLost, and so is every later one's. Events go out in
// order, several in a request when they come fast; previews go out only while
// somebody would see them.
type Coordinator struct {
	client *Client
	log    *slog.Logger
	forget func(accountID string)

	mu      sync.Mutex
	session *session // the newest
}

// session is what is known of an open session.
type session struct {
	queue.Session
	version int // that both speak
	lease   time.Duration
	ctx     context.Context // ends when the session is over
	cancel  context.CancelFunc

	mu       sync.Mutex
	until    time.Time // the lease holds till then at least
	trails   map[queue.Attempt]*trail
	receipts map[string]string // by hash: files that the server has from this session
	trouble  chan struct{}     // closed, and made anew, when the server was not reached
}

// Coordinator makes the worker's side of the client; log may be nil.
func (c *Client) Coordinator(log *slog.Logger) *Coordinator {
	if log == nil {
		log = slog.Default()
	}
	return &Coordinator{client: c, log: log}
}

// OnForget has f called with each account whose kept results the server asks to
// forget. It must be called before Open; f must not wait.
func (k *Coordinator) OnForget(f func(accountID string)) { k.forget = f }

// WorkerTransport is a transport that notices dead connections soon, and keeps
// enough of them for a worker.
func WorkerTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// Check asks whether the server lets this worker in and speaks its protocol.
func (k *Coordinator) Check(ctx context.Context) error {
	var served wire.Range
	if err := k.client.call(ctx, http.MethodGet, wire.Path+"/versions", nil, nil, &served); err != nil {
		return err
	}
	if served.Common(wire.Range{Min: wire.Min, Max: wire.Max}) == 0 {
		return settee.Faultf(settee.CodeUnsupported, "the server speaks versions %d to %d of the workers' protocol, this program %d to %d",
			served.Min, served.Max, wire.Min, wire.Max)
	}
	return nil
}

// Open announces an engine and starts a session. It is tried once.
func (k *Coordinator) Open(ctx context.Context, worker, pool string, d settee.Description) (queue.Session, error) {
	began := time.Now()
	var out wire.Opened
	err := k.post(ctx, 60*time.Second, wire.Path+"/sessions", wire.Hello{
		Versions: wire.Range{Min: wire.Min, Max: wire.Max}, Name: worker, Pool: pool, Engine: wire.EngineOf(d),
	}, &out)
	if err != nil {
		return queue.Session{}, fault(err)
	}
	s := &session{
		Session: queue.Session{ID: out.Session, WorkerID: out.Worker, Pool: out.Pool, Depth: out.Depth},
		version: out.Version,
		lease:   time.Duration(out.LeaseMS) * time.Millisecond,
		trails:  map[queue.Attempt]*trail{}, receipts: map[string]string{}, trouble: make(chan struct{}),
	}
	s.until = began.Add(s.lease)
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session != nil {
		k.session.cancel()
	}
	k.session = s
	return s.Session, nil
}

// newest is the session that was opened last, if it is not over.
func (k *Coordinator) newest() (*session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == nil || k.session.ctx.Err() != nil {
		return nil, errOver
	}
	return k.session, nil
}

// of is the session with that id.
func (k *Coordinator) of(id string) (*session, error) {
	s, err := k.newest()
	if err == nil && s.ID != id {
		err = errOver
	}
	return s, err
}

var errOver = settee.Faultf(settee.CodeLeaseLost, "the session is over")

// Close ends the session; what it still held goes back to the queue.
func (k *Coordinator) Close(ctx context.Context, ses queue.Session) error {
	s, err := k.of(ses.ID)
	if err != nil {
		return nil //nolint:nilerr // it is over already
	}
	defer s.cancel()
	err = k.steadily(ctx, s, func(ctx context.Context) error {
		return k.do(ctx, 5*time.Second, http.MethodDelete, s.path(), nil, nil)
	})
	if settee.CodeOf(err) == settee.CodeLeaseLost {
		return nil
	}
	return err
}

func (s *session) path() string { return wire.Path + "/sessions/" + s.ID }

// alive reports whether the lease may still hold.
func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx.Err() == nil && time.Now().Before(s.until)
}
