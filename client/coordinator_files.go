package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/wire"
)

// Files moves a worker's files: results to the server, inputs from it.
type Files struct{ k *Coordinator }

// Files is the other half of the worker's side: it works for the session that
// was opened last.
func (k *Coordinator) Files() Files { return Files{k} }

// Sizes of results.
const (
	inMemory = 1 << 20   // up to it a result is kept in memory
	atOnce   = 256 << 10 // up to it a file is sent without asking whether it is known
	stalled  = 30 * time.Second
)

// Put uploads content and says what it was; a small file goes with its output
// instead, where the server takes it (from version 4). A larger file is sent while it is
// hashed; one that fits into memory is hashed first, and not sent when the server
// knows it. What breaks off goes on where it stopped; for that, content that can
// be read only once is kept in a temporary file while it is sent.
func (f Files) Put(ctx context.Context, content io.Reader) (engine.Bytes, error) {
	s, err := f.k.newest()
	if err != nil {
		return engine.Bytes{}, err
	}
	body, err := newSource(content)
	if err != nil {
		return engine.Bytes{}, err
	}
	defer body.Close()
	if s.version >= 3 && !body.ended {
		b, receipt, err := f.stream(ctx, s, body)
		if err == nil {
			s.receive(b, receipt)
		}
		return engine.Bytes{Blob: b}, err
	}
	if err := body.finish(); err != nil {
		return engine.Bytes{}, err
	}
	b := body.blob()
	if s.knows(b) {
		return engine.Bytes{Blob: b}, nil
	}
	if s.version >= 4 && b.Size <= engine.MaxSmall {
		return engine.Bytes{Blob: b, Small: bytes.Clone(body.head)}, nil
	}
	return engine.Bytes{Blob: b}, f.upload(ctx, s, body, b)
}

// Keep uploads bytes that Put has answered.
func (f Files) Keep(ctx context.Context, b engine.Bytes) error {
	s, err := f.k.newest()
	if err != nil || s.knows(b.Blob) {
		return err
	}
	return f.upload(ctx, s, bytes.NewReader(b.Small), b.Blob)
}

// knows reports that the server has a file from this session.
func (s *session) knows(b settee.Blob) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receipts[b.Hash] != ""
}

// receive remembers that the server has a file.
func (s *session) receive(b settee.Blob, receipt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.receipts) > 100_000 {
		clear(s.receipts) // the server then looks for the files among the account's
	}
	s.receipts[b.Hash] = receipt
}

// upload sends a file, from where the server has it.
func (f Files) upload(ctx context.Context, s *session, body io.ReadSeeker, b settee.Blob) error {
	ask := b.Size > atOnce
	var receipt string
	err := f.k.steadily(ctx, s, func(ctx context.Context) error {
		var known wire.Declared
		if ask {
			if err := f.k.post(ctx, answered, s.path()+"/blobs", wire.Declare{Hash: b.Hash, Size: b.Size}, &known); err != nil {
				return err
			}
		}
		ask = true // when this is tried again
		if receipt = known.Receipt; receipt != "" {
			return nil
		}
		if _, err := body.Seek(known.Offset, io.SeekStart); err != nil {
			return settee.Faultf(settee.CodeInvalid, "read a result again: %v", err)
		}
		var out wire.Stored
		err := f.send(ctx, s, s.path()+"/blobs/"+b.Hash, body, b.Size-known.Offset, &out, func(h http.Header) {
			if known.Offset > 0 {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", known.Offset, b.Size-1, b.Size))
			}
		})
		receipt = out.Receipt
		return err
	})
	if err == nil {
		s.receive(b, receipt)
	}
	return err
}

var errBroken = errors.New("the upload broke off")

// send puts n bytes (-1: all there are) and reads the answer into out. It has as
// long as it moves.
func (f Files) send(ctx context.Context, s *session, path string, body io.Reader, n int64, out any, headers func(http.Header)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(errOver) })()
	watch := newWatch(stalled, func() { cancel(fmt.Errorf("%w: nothing moved for %s", errBroken, stalled)) })
	defer watch.stop()
	lent := &lent{Reader: &moving{body, watch}}
	defer func() { _ = lent.Close() }() // never fails
	r, err := f.k.client.request(ctx, http.MethodPut, path, nil, lent)
	if err != nil {
		return err
	}
	if r.ContentLength = n; n == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	headers(r.Header)
	err = f.k.answer(ctx, r, out)
	if d, ok := errors.AsType[*denial](err); ok && d.Offset != nil {
		return fmt.Errorf("%w: it goes on elsewhere", errBroken)
	}
	return err
}

// lent is content that a transport may read until it is closed, and not after
// that: a transport may go on reading when its answer is there.
type lent struct {
	io.Reader
	mu     sync.Mutex
	closed bool
}

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, os.ErrClosed
	}
	return l.Reader.Read(p)
}

// WriteTo is for a transport that would read in small pieces.
func (l *lent) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(w, struct{ io.Reader }{l}, make([]byte, atOnce))
}

func (l *lent) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return nil
}

// watch calls f when it was not told for a while that something moves.
type watch struct {
	timer *time.Timer
	limit time.Duration
	over  atomic.Bool
}

func newWatch(limit time.Duration, f func()) *watch {
	return &watch{timer: time.AfterFunc(limit, f), limit: limit}
}

func (w *watch) moved() {
	if !w.over.Load() {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) stop() {
	w.over.Store(true)
	w.timer.Stop()
}

// moving tells a watch of each piece.
type moving struct {
	io.Reader
	watch *watch
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.watch.moved()
	return n, err
}
