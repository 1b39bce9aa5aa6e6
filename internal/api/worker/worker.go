// Package worker is the surface for workers on other machines: /worker/v1, whose
// bodies are in package wire.
//
// What holds: every path needs a token, in open mode too, and every session is
// its token's. A worker gets jobs of its session's pool alone, reads their
// inputs and nothing else, and writes for attempts that its session holds: a
// write after the lease is refused by the queue's own fence. Ids in frames are
// set here; names, sizes, hashes and text are checked before anything is
// changed. A call whose answer was lost can be made again: batches have numbers,
// durable events have theirs, an ending that is there is not ended again.
// Refusals are logged with the session and the token.
package worker

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// Queue gives out jobs and takes what became of them.
type Queue interface {
	Lease() time.Duration
	OpenFor(ctx context.Context, keyID, worker, pool string, d settee.Description) (queue.Session, error)
	Session(ctx context.Context, id string) (queue.Session, error)
	Close(ctx context.Context, s queue.Session) error
	Claim(ctx context.Context, s queue.Session, ahead bool) (*queue.Lease, error)
	Start(ctx context.Context, a queue.Attempt) (deadline time.Time, err error)
	HeldBy(ctx context.Context, s queue.Session) ([]queue.Held, error)
	Held(ctx context.Context, a queue.Attempt) (queue.Held, error)
	GiveBack(ctx context.Context, s queue.Session, known []queue.Attempt, age time.Duration) error
	Renew(ctx context.Context, s queue.Session) ([]queue.Order, error)
	Extend(ctx context.Context, s queue.Session) error
	Report(ctx context.Context, a queue.Attempt, frames []settee.Frame) error
	Told(ctx context.Context, a queue.Attempt) (int, error)
	Expect(ctx context.Context, a queue.Attempt, events int) error
	ExecuteAs(ctx context.Context, a queue.Attempt, number int, x engine.Executed) (json.RawMessage, error)
	FinishOnce(ctx context.Context, a queue.Attempt, e queue.Ending, last ...queue.Step) error
	Input(ctx context.Context, s queue.Session, hash string) (settee.Blob, error)
	File(ctx context.Context, s queue.Session, hash string) (settee.Blob, error)
}

// Files keeps bytes.
type Files interface {
	Put(ctx context.Context, content io.Reader) (settee.Blob, error)
	// Take takes the bytes of a small file that its output carries, for the unit that
	// names it; it refuses what is not as it says, or not small.
	Take(b engine.Bytes) error
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, error)
}

// Options of an API.
type Options struct {
	Queue   Queue
	Files   Files
	Secret  []byte                               // signs receipts
	Unseal  func(secrets []byte) ([]byte, error) // the partner keys of a lease; nil: none
	Watched func(accountID string) bool          // somebody would see previews; nil: always
	Now     func() time.Time
	Log     *slog.Logger
}

// API serves the surface.
type API struct {
	opt      Options
	ctx      context.Context // ends with Close
	close    context.CancelFunc
	sessions sessions
	uploads  uploads
	batches  batches
}

// New makes the surface. Close must be called.
func New(opt Options) *API {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Watched == nil {
		opt.Watched = func(string) bool { return true }
	}
	a := &API{opt: opt}
	a.ctx, a.close = context.WithCancel(context.Background())
	return a
}

// Close ends what waits and what is being uploaded. Workers come again.
func (a *API) Close() {
	a.close()
	a.uploads.close()
}

// Mount puts the surface on the root router.
func (a *API) Mount(r *api.Router) {
	r.Envelope(func(q *http.Request) bool { return strings.HasPrefix(q.URL.Path, wire.Path+"/") }, envelope)
	w := r.With(r.Worker)
	const session, job = wire.Path + "/sessions/{session}", "/jobs/{job}/{n}"
	w.Get(wire.Path+"/versions", a.handle(a.versions))
	w.Post(wire.Path+"/sessions", a.handle(a.openSession))
	w.Delete(session, a.handle(a.closeSession))
	w.Post(session+"/claim", a.handle(a.claim))
	w.Post(session+"/renew", a.handle(a.renew))
	w.Post(session+job+"/start", a.handle(a.start))
	w.Post(session+job+"/report", a.handle(a.report))
	w.Post(session+job+"/execute", a.handle(a.execute))
	w.Post(session+job+"/finish", a.handle(a.finish))
	w.Post(session+"/blobs", a.handle(a.declare))
	w.Put(session+"/blobs/{hash}", a.handle(a.upload))
	w.Get(session+"/blobs/{hash}", a.handle(a.download))
	w.Post(session+"/uploads/{id}", a.handle(a.reach))
	w.Put(session+"/uploads/{id}", a.handle(a.stream))
	w.Delete(session+"/uploads/{id}", a.handle(a.giveUp))
}

// handle answers what f returns as an error, and logs what was refused.
func (a *API) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		err = faulty(err)
		if code := settee.CodeOf(err); code != wire.CodeGap && api.Status(code) < http.StatusInternalServerError {
			a.opt.Log.Warn("a worker was refused", "request", api.RequestID(r.Context()), "token", api.Token(r.Context()).ID,
				"session", api.Param(r, "session"), "job", api.Param(r, "job"), "code", code, "reason", err)
		}
		api.Fail(w, r, err)
	}
}
