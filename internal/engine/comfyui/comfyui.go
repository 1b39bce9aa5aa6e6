// Package comfyui is an engine over a real ComfyUI server.
//
// What holds: the WebSocket is for speed, /history, /queue and the process are
// the truth, so a lost or late frame costs time and never a result. A run ends
// only when its prompt is neither waiting nor running in ComfyUI, or when that
// cannot be brought about (then the next run waits for it). Nobody else's
// prompt is touched. A result cached in ComfyUI never crosses accounts: each
// output node carries an input that names the account. What leaves has the
// client's ids and file names; partner keys are redacted.
//
// Facts about ComfyUI are those of the protocol note, its section 7 above all.
package comfyui

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
)

// Options of an engine. Zero durations and sizes mean the defaults named.
type Options struct {
	URL     string           // of the server; not needed with a Process
	HTTP    *http.Client     // nil: one of its own
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
	Process Process          // the process behind the server, where it is ours; nil: attached

	Depth    int           // jobs taken at once (1): one runs, the next is staged and, where the server cancels exactly, waits in ComfyUI's queue
	Poll     time.Duration // how often the truth is asked for while frames come (5 s)
	Ending   time.Duration // how long the end may take that follows the last output (5 ms); later it is told apart from it
	Silence  time.Duration // longest time without a frame while a node runs (30 min)
	Call     time.Duration // how long the server may take to answer (30 s)
	Stall    time.Duration // how long a file on its way may stand still (60 s)
	Patience time.Duration // how long the server may be out of reach during a job (30 s)
	Grace    time.Duration // how long a node may take to yield to a cancel before the process is restarted (30 s)
	Abandon  time.Duration // the same where there is no process to restart: then the run ends and the next one waits (2 min)
	Staged   int           // input files that stay in ComfyUI while no job uses them (32: it lists them for each prompt)
	Shelf    int64         // bytes of them (16 GiB)
	Cached   int           // output files remembered (20,000)
}

// Process is a ComfyUI process that somebody supervises.
type Process interface {
	URL() string                                   // where it listens; may change with a start
	Epoch() int                                    // grows with every start
	Alive() bool                                   // it runs and has answered once
	Ready(ctx context.Context) error               // waits until Alive, or until it is given up
	Restart(ctx context.Context, why string) error // ends it at once and waits until the next one is ready
	Folders() Folders
}

// Folders are ComfyUI's directories where they can be reached as files.
type Folders struct{ Input, Output, Temp string }

// Errors of the engine's own: they say nothing about a workflow.
var (
	ErrUnreachable = errors.New("ComfyUI cannot be reached")
	ErrLost        = errors.New("ComfyUI does not know the job any more")
	ErrSilent      = errors.New("ComfyUI fell silent")
	ErrFault       = errors.New("the device failed")
	ErrFull        = errors.New("ComfyUI's disk is full")
	ErrStopped     = errors.New("the job was stopped on ComfyUI by somebody else")
)

// Engine runs jobs on one ComfyUI. It is safe for concurrent use.
type Engine struct {
	opt    Options
	server *server
	secret [32]byte // of the salts; a new one with each Engine
	seats  seats    // of prompts of ours in ComfyUI
	tidy   sync.WaitGroup

	mu      sync.Mutex
	epoch   int
	classes *classes // of this epoch; nil: not known yet
	staged  *shelf
	leaving map[string]chan struct{} // files on their way off the shelf; closed when they are gone
	kept    *recent[keptKey, kept]
	stuck   map[string]bool // prompts that did not yield
	sick    bool            // a device fault was seen; a probe must pass
	parked  []*socket       // for the next prompts
	spent   []string        // prompts whose history entries are to be removed
	unspent []string        // those whose could not be, which go with the next
	later   *time.Timer     // when
	closed  bool
	healing chan struct{} // closed when the process that failed has been replaced; nil: none did
	cancels cancelRoute   // what this server understands, since the newest socket was opened
}

// New makes an engine; nothing is asked of the server yet.
func New(opt Options) *Engine {
	if opt.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.Proxy = nil
		transport.DisableCompression = true
		transport.MaxIdleConnsPerHost = 16
		opt.HTTP = &http.Client{Transport: transport}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	opt.Depth = max(opt.Depth, 1)
	for _, d := range []struct {
		have *time.Duration
		want time.Duration
	}{
		{&opt.Call, 30 * time.Second}, {&opt.Stall, time.Minute}, {&opt.Poll, 5 * time.Second}, {&opt.Ending, 5 * time.Millisecond}, {&opt.Silence, 30 * time.Minute}, {&opt.Patience, 30 * time.Second},
		{&opt.Grace, 30 * time.Second}, {&opt.Abandon, 2 * time.Minute},
	} {
		if *d.have <= 0 {
			*d.have = d.want
		}
	}
	if opt.Staged <= 0 {
		opt.Staged = 32
	}
	if opt.Shelf <= 0 {
		opt.Shelf = 16 << 30
	}
	if opt.Cached <= 0 {
		opt.Cached = 20_000
	}
	e := &Engine{opt: opt, stuck: map[string]bool{}, leaving: map[string]chan struct{}{}}
	rand.Read(e.secret[:]) //nolint:errcheck // never fails
	url := func() string { return opt.URL }
	if opt.Process != nil {
		url = opt.Process.URL
	}
	e.server = &server{url: func() string { return strings.TrimRight(url(), "/") }, http: opt.HTTP, limit: opt.Call}
	e.forget()
	return e
}

// Close waits for what is tidied up behind runs that have ended, and closes
// idle connections. The process is not the engine's to stop. A run that comes
// later works, and leaves nothing idle.
func (e *Engine) Close() error {
	e.tidy.Wait()
	e.unspend()
	e.mu.Lock()
	parked := e.parked
	e.parked, e.closed = nil, true
	e.mu.Unlock()
	for _, s := range parked {
		s.close()
	}
	e.opt.HTTP.CloseIdleConnections()
	return nil
}

// forget drops what was true of the process before this one. The caller holds
// mu, or is New.
func (e *Engine) forget() {
	e.classes = nil
	e.staged = newShelf(e.opt.Staged, e.opt.Shelf)
	e.kept = newRecent[keptKey, kept](e.opt.Cached)
	e.stuck = map[string]bool{}
	e.sick = false
	e.cancels = cancelUnknown
}

// current is the process's epoch; what was known of an earlier one is
// forgotten.
func (e *Engine) current() int {
	if e.opt.Process == nil {
		return 0
	}
	now := e.opt.Process.Epoch()
	e.mu.Lock()
	defer e.mu.Unlock()
	if now != e.epoch {
		e.epoch = now
		e.forget()
	}
	return now
}

// ready waits until a supervised process answers, and is not one whose device
// failed.
func (e *Engine) ready(ctx context.Context) error {
	if e.opt.Process == nil {
		return nil
	}
	e.mu.Lock()
	healing := e.healing
	e.mu.Unlock()
	if healing != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-healing:
		}
	}
	return e.opt.Process.Ready(ctx)
}

// salt names an account in a graph, so that ComfyUI's cache keeps accounts
// apart. It cannot be guessed and means nothing elsewhere.
func (e *Engine) salt(accountID string) string {
	sum := blake3.Sum256(append(e.secret[:], accountID...))
	return hex.EncodeToString(sum[:16])
}

// folder is where files of a type lie; "" where they cannot be reached.
func (e *Engine) folder(t settee.FileType) string {
	if e.opt.Process == nil {
		return ""
	}
	f := e.opt.Process.Folders()
	switch t {
	case settee.Input:
		return f.Input
	case settee.Output:
		return f.Output
	case settee.Temp:
		return f.Temp
	}
	return ""
}
