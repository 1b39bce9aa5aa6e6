package worker

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/wire"
)

// Limits of uploads.
const (
	perSession = 32              // uploads of a session that are not complete
	idle       = 2 * time.Minute // how long one waits for its next bytes
)

// uploads are the files on their way in. One that breaks off goes on where it
// stopped: its bytes lie with the store, which is waiting for the rest.
type uploads struct {
	mu  sync.Mutex
	all map[uploadKey]*upload
	off bool
}

// uploadKey is a file whose hash was declared, or one under an id of the
// worker's.
type uploadKey struct{ session, hash, id string }

// upload is one file. What is fed to it goes to the store, which hashes it, and
// gets an error in place of the end when the bytes are not what was declared.
type upload struct {
	declared settee.Blob // none when it has an id
	pipe     *io.PipeWriter
	feed     chan struct{} // holds a value while nobody feeds it
	done     chan struct{} // closed when the store has taken it, or not
	blob     settee.Blob   // then: what it was
	err      error         // or why not
	expiry   *time.Timer

	mu     sync.Mutex
	offset int64
	size   int64  // -1: not known yet
	kick   func() // ends the reading of who feeds it
	kicked bool   // it is to stop
}

var (
	errMismatch = settee.Faultf(settee.CodeInvalid, "The bytes are not those that were declared.")
	errTooLarge = settee.Faultf(settee.CodeTooLarge, "A file has at most %d bytes.", int64(wire.MaxBlob))
	errExpired  = errors.New("the upload was given up")
)

// declare finds or makes the upload of a blob.
func (u *uploads) declare(ctx context.Context, session string, b settee.Blob, files Files) (*upload, error) {
	up, err := u.begin(ctx, uploadKey{session: session, hash: b.Hash}, b, files)
	if err == nil && up.declared != b {
		return nil, settee.Faultf(settee.CodeConflict, "The same hash was declared with another size.")
	}
	return up, err
}

// begin finds or makes an upload; b is what was declared.
func (u *uploads) begin(ctx context.Context, key uploadKey, b settee.Blob, files Files) (*upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.off {
		return nil, settee.Faultf(settee.CodeUnavailable, "The server is stopping.")
	}
	if up := u.all[key]; up != nil && !up.failed() {
		return up, nil
	}
	n := 0
	for k, up := range u.all {
		if k.session == key.session && !up.over() {
			n++
		}
	}
	if n >= perSession {
		return nil, settee.Faultf(settee.CodeQueueFull, "The session has %d uploads already.", n)
	}
	if u.all == nil {
		u.all = map[uploadKey]*upload{}
	}
	up := newUpload(ctx, b, files)
	up.expiry = time.AfterFunc(idle, func() { u.remove(key, up) })
	u.all[key] = up
	return up, nil
}

func (u *uploads) remove(key uploadKey, up *upload) {
	u.mu.Lock()
	if u.all[key] == up {
		delete(u.all, key)
	}
	u.mu.Unlock()
	up.abort()
}

// giveUp ends an upload and waits for the store; one that is not there is no
// error.
func (u *uploads) giveUp(key uploadKey) {
	u.mu.Lock()
	up := u.all[key]
	u.mu.Unlock()
	if up != nil {
		u.remove(key, up)
		<-up.done
	}
}

func (u *uploads) drop(session string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, up := range u.all {
		if k.session == session {
			delete(u.all, k)
			up.abort()
		}
	}
}

// close gives all uploads up and waits for the store.
func (u *uploads) close() {
	u.mu.Lock()
	u.off = true
	all := u.all
	u.all = nil
	u.mu.Unlock()
	for _, up := range all {
		up.abort()
		<-up.done
	}
}

func newUpload(ctx context.Context, b settee.Blob, files Files) *upload {
	out, in := io.Pipe()
	up := &upload{declared: b, pipe: in, feed: make(chan struct{}, 1), done: make(chan struct{}), size: -1, kick: func() {}}
	up.feed <- struct{}{}
	content := io.Reader(out)
	if b.Hash != "" {
		up.size = b.Size
		content = &declared{from: out, left: b.Size, want: b.Hash, hash: blake3.New()}
	}
	go func() {
		defer close(up.done)
		up.blob, up.err = files.Put(context.WithoutCancel(ctx), content)
		out.CloseWithError(io.ErrClosedPipe) // whoever feeds it need not go on
	}()
	return up
}

func (up *upload) abort() {
	up.expiry.Stop()
	up.pipe.CloseWithError(errExpired)
	up.cutOff()
}

// over reports whether the store has it, or has refused it.
func (up *upload) over() bool {
	select {
	case <-up.done:
		return true
	default:
		return false
	}
}

func (up *upload) failed() bool { return up.over() && up.err != nil }

// take waits until nobody else feeds the upload: who does is cut off, for it is
// a connection that broke. give must be called.
func (up *upload) take(ctx context.Context, kick func()) error {
	up.cutOff()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-up.feed:
	}
	up.expiry.Stop()
	up.mu.Lock()
	defer up.mu.Unlock()
	up.kick, up.kicked = kick, false
	return nil
}

// cutOff has who feeds the upload stop.
func (up *upload) cutOff() {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.kicked = true
	up.kick()
}

// unwanted reports whether who feeds the upload is to stop. It is asked after a
// deadline was set: the cut comes before it, or ends the reading.
func (up *upload) unwanted() bool {
	up.mu.Lock()
	defer up.mu.Unlock()
	return up.kicked
}

func (up *upload) give() {
	up.mu.Lock()
	up.kick = func() {}
	up.mu.Unlock()
	up.expiry.Reset(idle)
	up.feed <- struct{}{}
}

// at is how many bytes are there.
func (up *upload) at() int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	return up.offset
}

// measure says how long the whole file is. The caller has taken the upload.
func (up *upload) measure(size int64) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.size >= 0 && up.size != size {
		return settee.Faultf(settee.CodeConflict, "The upload was said to have %d bytes.", up.size)
	}
	up.size = size
	return nil
}

// Write feeds the upload. The caller has taken it.
func (up *upload) Write(p []byte) (int, error) {
	up.mu.Lock()
	at, size := up.offset+int64(len(p)), up.size
	up.mu.Unlock()
	switch {
	case size >= 0 && at > size:
		return 0, errMismatch
	case at > wire.MaxBlob:
		return 0, errTooLarge
	}
	n, err := up.pipe.Write(p)
	up.mu.Lock()
	defer up.mu.Unlock()
	up.offset += int64(n)
	return n, err
}

// end tells the store that this is all, when it is.
func (up *upload) end() (ended bool) {
	up.mu.Lock()
	ended = up.offset == up.size
	up.mu.Unlock()
	if ended {
		_ = up.pipe.Close() // never fails
	}
	return ended
}

// declared reads what was declared: its end is an error unless size and hash
// are right.
type declared struct {
	from *io.PipeReader
	left int64
	want string
	hash *blake3.Hasher
}

func (d *declared) Read(p []byte) (int, error) {
	if d.left == 0 {
		if hex.EncodeToString(d.hash.Sum(nil)) != d.want {
			return 0, errMismatch
		}
		return 0, io.EOF
	}
	n, err := d.from.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	_, _ = d.hash.Write(p[:n]) // never fails
	if err == io.EOF {         //nolint:errorlint // a pipe's
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
