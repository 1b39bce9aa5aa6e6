package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/wire"
)

// Files moves a worker's files: results to the server, inputs from it.
type Files struct{ k *Coordinator }

// Files is the other half of the worker's side: it works for the session that
// was opened last.
func (k *Coordinator) Files() Files { return Files{k} }

// Sizes of results.
const (
	inMemory = 1 << 20   // up to it a result that can be read only once is kept in memory, else on disk
	atOnce   = 256 << 10 // up to it a file is sent without asking whether it is known
	stalled  = 30 * time.Second
)

// Put uploads content and says what it was. Its bytes are hashed first, so
// that what the server knows is not sent, and what breaks off goes on where it
// stopped; content that can be read only once waits in a temporary file.
func (f Files) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	s, err := f.k.newest()
	if err != nil {
		return settee.Blob{}, err
	}
	body, b, done, err := again(content)
	if err != nil {
		return settee.Blob{}, err
	}
	defer done()
	s.mu.Lock()
	known := s.receipts[b.Hash] != ""
	s.mu.Unlock()
	if known {
		return b, nil
	}
	receipt, err := f.upload(ctx, s, body, b)
	if err != nil {
		return settee.Blob{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.receipts) > 100_000 {
		clear(s.receipts) // the server then looks for the files among the account's
	}
	s.receipts[b.Hash] = receipt
	return b, nil
}

// again makes content that can be read more than once, and hashes it.
func again(content io.Reader) (body io.ReadSeeker, b settee.Blob, done func(), err error) {
	done = func() {}
	hash := blake3.New()
	if seeker, ok := content.(io.ReadSeeker); ok {
		b.Size, err = io.Copy(hash, seeker)
		body = seeker
	} else {
		head := make([]byte, inMemory+1)
		n, short := io.ReadFull(content, head)
		switch {
		case errors.Is(short, io.EOF), errors.Is(short, io.ErrUnexpectedEOF):
			_, _ = hash.Write(head[:n]) // never fails
			body, b.Size = bytes.NewReader(head[:n]), int64(n)
		case short != nil:
			return nil, b, done, short
		default:
			var spool *os.File
			if spool, err = os.CreateTemp("", "settee-result-"); err != nil {
				return nil, b, done, err
			}
			done = func() {
				spool.Close()
				_ = os.Remove(spool.Name()) // gone at the next boot at the latest
			}
			b.Size, err = io.Copy(io.MultiWriter(spool, hash), io.MultiReader(bytes.NewReader(head[:n]), content))
			body = spool
		}
	}
	if err != nil {
		done()
		return nil, b, func() {}, err
	}
	b.Hash = hex.EncodeToString(hash.Sum(nil))
	return body, b, done, nil
}

// upload sends a file, from where the server has it.
func (f Files) upload(ctx context.Context, s *session, body io.ReadSeeker, b settee.Blob) (receipt string, err error) {
	ask := b.Size > atOnce
	err = f.k.steadily(ctx, s, func(ctx context.Context) error {
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
		var err error
		receipt, err = f.send(ctx, s, body, b, known.Offset)
		if d, ok := errors.AsType[*denial](err); ok && d.Offset != nil {
			return fmt.Errorf("%w: it goes on elsewhere", errBroken)
		}
		return err
	})
	return receipt, err
}

var errBroken = errors.New("the upload broke off")

// send puts the bytes from an offset on. It has as long as it moves.
func (f Files) send(ctx context.Context, s *session, body io.Reader, b settee.Blob, from int64) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(errOver) })()
	watch := newWatch(stalled, func() { cancel(fmt.Errorf("%w: nothing moved for %s", errBroken, stalled)) })
	defer watch.stop()
	path := s.path() + "/blobs/" + b.Hash
	lent := &lent{Reader: &moving{body, watch}}
	defer func() { _ = lent.Close() }() // never fails
	r, err := f.k.client.request(ctx, http.MethodPut, path, nil, lent)
	if err != nil {
		return "", err
	}
	r.ContentLength = b.Size - from
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	if from > 0 {
		r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, b.Size-1, b.Size))
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	var out wire.Stored
	if err := f.k.answer(ctx, r, &out); err != nil {
		return "", err
	}
	return out.Receipt, nil
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
