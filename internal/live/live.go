// Package live shows an account's jobs to its listeners: WebSockets and event
// streams.
//
// What holds:
//   - A listener hears each durable event of a job at most once, in the order of
//     the job, with no gap: what it is told when it comes late and what follows
//     are one sequence, cut from the account's room under one lock.
//   - Frames are hints. What the bus loses is found again in the history within
//     two repairs, endings and counts too.
//   - A slow listener loses previews, then superseded progress, then its
//     session; it never holds up a job or another listener.
//   - Nothing crosses accounts: a room belongs to one account.
//
// Who hears what is in route.go, late listeners in replay.go.
package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// History is what the queue knows of an account's jobs; queue.Service is one.
type History interface {
	Counts(ctx context.Context, accountID string) (queue.Counts, error)
	Trails(ctx context.Context, accountID string, since time.Time) ([]record.Trail, error)
}

// Values of Options.Previews.
const (
	PreviewsAlways = "always" // to everyone who hears the job
	PreviewsAuto   = "auto"   // to editors, and where the job or the node wants them
	PreviewsNever  = "never"
)

// Options of a Hub. Zero values mean the defaults in brackets.
type Options struct {
	Now       func() time.Time // [time.Now]
	Log       *slog.Logger     // [slog.Default]
	Previews  string           // [PreviewsAuto]
	MaxQueued int              // messages waiting for one listener [4096]
	MaxBytes  int              // their bytes [64 MiB]; listeners share them
	Repair    time.Duration    // between two looks into the history [3 s]
	Linger    time.Duration    // how long an account is followed after its last listener left [1 min]
}

// Recently is how long an ended job is shown to listeners that come late.
const Recently = time.Minute

// Patience is how long a new listener may take to say that it is an editor.
const Patience = 500 * time.Millisecond

// ErrSlow ends the session of a listener that takes its messages too slowly.
var ErrSlow = errors.New("the listener is too slow")

// ErrShutdown ends all sessions, after the messages that wait, when the hub
// closes.
var ErrShutdown = errors.New("the server is shutting down")

// ErrClosed is what Next returns after Close.
var ErrClosed = errors.New("the session is closed")

// Listener says who listens.
type Listener struct {
	AccountID string
	ClientID  string // never empty; not authenticated, as in ComfyUI
	Open      bool   // ComfyUI's own routing (protocol note 2.2)
	Cookie    bool   // a browser's session: an editor from the start
	Features  []byte // data of the answer to feature_flags, a JSON object
}

// Hub gives each account with listeners a room. It is safe for concurrent use.
type Hub struct {
	bus     bus.Bus
	history History
	opt     Options
	ctx     context.Context // ends when the hub closes
	cancel  context.CancelFunc

	mu     sync.Mutex
	rooms  map[string]*room
	open   sync.WaitGroup // sessions
	closed bool
}

// New makes a hub.
func New(b bus.Bus, history History, opt Options) *Hub {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Previews == "" {
		opt.Previews = PreviewsAuto
	}
	if opt.MaxQueued == 0 {
		opt.MaxQueued = 4096
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 64 << 20
	}
	if opt.Repair == 0 {
		opt.Repair = 3 * time.Second
	}
	if opt.Linger == 0 {
		opt.Linger = time.Minute
	}
	h := &Hub{bus: b, history: history, opt: opt, rooms: map[string]*room{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Attach begins a session. Its first message is a status with the client id as
// sid. The caller takes messages with Next and must Close the session.
func (h *Hub) Attach(ctx context.Context, l Listener) (*Session, error) {
	r, err := h.enter(l.AccountID)
	if err != nil {
		return nil, err
	}
	if err := r.wait(ctx); err != nil {
		h.leave(r)
		return nil, err
	}
	s := newSession(r, l)
	r.join(s)
	return s, nil
}

// Follow keeps an account's room from now on, listeners or not, so that the
// first one who comes finds what runs. In open mode there is one account, and
// ComfyUI tells a client that comes back which node is current.
func (h *Hub) Follow(ctx context.Context, accountID string) error {
	r, err := h.enter(accountID)
	if err != nil {
		return err
	}
	if err := r.wait(ctx); err != nil {
		h.leave(r)
		return err
	}
	h.open.Done() // it has no end of its own
	return nil
}

// enter finds or makes the account's room and counts one more user of it.
func (h *Hub) enter(accountID string) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrShutdown
	}
	r, ok := h.rooms[accountID]
	if !ok {
		r = newRoom(h, accountID)
		h.rooms[accountID] = r
		go r.prepare()
	}
	r.users++
	h.open.Add(1)
	return r, nil
}

// leave undoes enter.
func (h *Hub) leave(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.users--
	if r.users == 0 {
		r.empty = h.opt.Now()
	}
	h.open.Done()
}

// abandon takes a room away that could not be prepared, or that has been empty
// for long enough; it reports whether it did.
func (h *Hub) abandon(r *room, failed bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !failed && (r.users > 0 || h.opt.Now().Sub(r.empty) < h.opt.Linger) {
		return false
	}
	if h.rooms[r.accountID] == r {
		delete(h.rooms, r.accountID)
	}
	return true
}

// Close ends all sessions with ErrShutdown, lets them take what waits for them,
// and returns when they are closed, after two seconds at most. Attach fails from
// then on.
func (h *Hub) Close() {
	h.mu.Lock()
	rooms := h.rooms
	h.rooms = map[string]*room{}
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	for _, r := range rooms {
		r.close()
	}
	gone := make(chan struct{})
	go func() { h.open.Wait(); close(gone) }()
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	select {
	case <-gone:
	case <-limit.C:
	}
}
