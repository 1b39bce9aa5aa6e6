package comfyui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/settee/settee/internal/pyjson"
)

// server is ComfyUI's HTTP side.
type server struct {
	url   func() string
	http  *http.Client
	limit time.Duration // of one control call
	date  atomic.Int64  // Unix seconds that its newest answer told; 0: none did
}

const answerLimit = 256 << 20 // bytes of one JSON answer

// statusError is an answer with another status than was expected.
type statusError struct {
	Call   string
	Status int
	Body   []byte
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: HTTP %d: %.200s", e.Call, e.Status, e.Body)
}

// call sends one request and reads the whole answer, whatever its status.
func (s *server) call(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	// A connection over which nothing came may be open on this side only, and so
	// may those be that lie idle.
	defer func() {
		if ctx.Err() == context.DeadlineExceeded { //nolint:errorlint // a context's own
			s.http.CloseIdleConnections()
		}
	}()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url()+path, reader)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		s.date.Store(t.Unix())
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return resp.StatusCode, answer, nil
}

// get is the JSON at a path.
func (s *server) get(ctx context.Context, path string) (pyjson.Value, error) {
	status, body, err := s.call(ctx, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return pyjson.Value{}, err
	case status != http.StatusOK:
		return pyjson.Value{}, &statusError{"GET " + path, status, body}
	}
	v, err := pyjson.Parse(body)
	if err != nil {
		return v, fmt.Errorf("GET %s: %w", path, err)
	}
	return v, nil
}

// post sends a JSON body and wants 200.
func (s *server) post(ctx context.Context, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	status, answer, err := s.call(ctx, http.MethodPost, path, raw)
	if err == nil && status != http.StatusOK {
		err = &statusError{"POST " + path, status, answer}
	}
	return err
}

// place is where a prompt is.
type place int

const (
	absent place = iota
	pending
	running
)

// where looks for a prompt in the queue (protocol note 1.2).
func (s *server) where(ctx context.Context, id string) (place, error) {
	v, err := s.get(ctx, "/queue")
	if err != nil {
		return absent, err
	}
	f := v.Fields("queue_running", "queue_pending")
	if f[0].Kind != pyjson.Array || f[1].Kind != pyjson.Array {
		return absent, fmt.Errorf("GET /queue: not a queue: %.100s", v.Raw())
	}
	for i, p := range []place{running, pending} {
		for item := range f[i].Items() {
			if item.Index(1).Text() == id {
				return p, nil
			}
		}
	}
	return absent, nil
}

// history is a prompt's entry; nil when there is none.
func (s *server) history(ctx context.Context, id string) (*entry, error) {
	v, err := s.get(ctx, "/history/"+url.PathEscape(id))
	if err != nil {
		return nil, err
	}
	if v.Kind != pyjson.Object {
		return nil, fmt.Errorf("GET /history: not an object: %.100s", v.Raw())
	}
	e := v.Get(id)
	if e.Kind == pyjson.Absent {
		return nil, nil
	}
	return readEntry(e)
}

// find looks everywhere: a prompt moves from the queue to the history in one
// step, so the queue is asked first.
func (s *server) find(ctx context.Context, id string) (place, *entry, error) {
	p, err := s.where(ctx, id)
	if err != nil || p != absent {
		return p, nil, err
	}
	h, err := s.history(ctx, id)
	return absent, h, err
}
