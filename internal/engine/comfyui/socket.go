package comfyui

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// message is one frame of the socket.
type message struct {
	binary bool
	data   []byte
}

// socket reads all that a ComfyUI sends to one client id, as fast as it comes:
// a reader that lags would hold up everybody's frames (protocol note 7.1).
type socket struct {
	client string // its id: frames of prompts that name it come here
	url    string // of the server
	conn   *websocket.Conn
	cancel context.CancelFunc
	since  time.Time
	tasks  sync.WaitGroup // reader and pings

	mu    sync.Mutex
	queue []message
	size  int           // bytes in queue
	lost  bool          // frames were dropped, or the connection ended
	news  chan struct{} // holds a value when queue or lost changed
	idle  bool          // nobody listens: what comes is dropped
	last  []byte        // of a frame that is waited for: the end of a prompt
	ended func()        // called when it comes
}

const (
	frameLimit = 256 << 20 // bytes of one frame
	queueLimit = 64 << 20  // bytes waiting: beyond it previews are dropped

	pingEvery = 10 * time.Second
	pingLimit = 30 * time.Second // a node may hold Python's lock for long
)

// dial opens a socket. It asks for previews that say whose they are. Another
// ComfyUI may listen there by now, which cancels in another way.
func (e *Engine) dial(ctx context.Context, clientID string) (*socket, error) {
	base := e.server.url()
	address := "ws" + strings.TrimPrefix(base, "http") + "/ws?clientId=" + url.QueryEscape(clientID)
	dialing, stop := context.WithTimeout(ctx, e.opt.Call)
	defer stop()
	conn, resp, err := websocket.Dial(dialing, address, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: e.opt.HTTP.Transport},
		CompressionMode: websocket.CompressionDisabled,
	})
	if resp != nil && resp.Body != nil && err != nil {
		resp.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(frameLimit)
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &socket{client: clientID, url: base, conn: conn, cancel: cancel, since: e.opt.Now(), news: make(chan struct{}, 1)}
	if err := conn.Write(dialing, websocket.MessageText, []byte(`{"type":"feature_flags","data":{"supports_preview_metadata":true}}`)); err != nil {
		cancel()
		conn.CloseNow()
		return nil, err
	}
	// The greeting says that the server knows the socket: frames of a prompt
	// that is posted from now on come here.
	kind, data, err := conn.Read(dialing)
	if err != nil {
		cancel()
		conn.CloseNow()
		return nil, err
	}
	e.mu.Lock()
	e.cancels = cancelUnknown
	e.mu.Unlock()
	s.queue, s.size = []message{{kind == websocket.MessageBinary, data}}, len(data)
	s.news <- struct{}{}
	s.tasks.Go(func() { s.read(reading) })
	s.tasks.Go(func() { s.ping(reading) })
	return s, nil
}

func (s *socket) read(ctx context.Context) {
	for {
		kind, data, err := s.conn.Read(ctx)
		s.mu.Lock()
		if err != nil {
			s.lost = true
		} else if !s.idle {
			if s.ended != nil && kind == websocket.MessageText && isEnd(data, s.last) {
				s.ended()
			}
			m := message{kind == websocket.MessageBinary, data}
			if full := s.size+len(data) > queueLimit; !full || !isPreview(m) {
				s.lost = s.lost || s.size > 8*queueLimit
				s.queue = append(s.queue, m)
				s.size += len(data)
			}
		}
		over := s.lost
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if over {
			s.cancel()
			s.conn.CloseNow()
			return
		}
	}
}

// ping ends a connection that is open on this side only: ComfyUI itself never
// asks (protocol note 2.1).
func (s *socket) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waiting, stop := context.WithTimeout(ctx, pingLimit)
		err := s.conn.Ping(waiting)
		stop()
		if err != nil {
			s.conn.CloseNow()
			return
		}
	}
}

// isEnd reports whether a frame looks like the last one of a prompt: it says
// executing, no node, and the prompt's id. A node may be called null.
func isEnd(data, id []byte) bool {
	return len(data) < 300 && bytes.Contains(data, []byte(`"executing"`)) && bytes.Contains(data, id) &&
		(bytes.Contains(data, []byte(`"node": null`)) || bytes.Contains(data, []byte(`"node":null`)))
}

func isPreview(m message) bool {
	return m.binary && len(m.data) > 3 && m.data[3] != 3
}

// take empties the queue; lost says that no more will come.
func (s *socket) take() (all []message, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, s.queue, s.size = s.queue, nil, 0
	return all, s.lost
}

// close ends the connection and waits for its reader.
func (s *socket) close() {
	s.cancel()
	s.conn.CloseNow()
	s.tasks.Wait()
}
