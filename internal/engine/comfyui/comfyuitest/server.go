// Package comfyuitest is a ComfyUI for tests: its routes, socket, queue, cache
// and order of frames are those of the protocol note, it runs a few node
// classes without computing anything or replays what a real one was recorded
// to do, and it misbehaves on request.
package comfyuitest

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee/internal/recording"
)

// Server is a ComfyUI that listens on loopback.
type Server struct {
	URL string

	http  *httptest.Server
	lines *lines

	mu       sync.Mutex
	faults   Faults
	dead     bool
	epoch    int
	sockets  map[string]*client
	queue    []*prompt // waiting
	running  *prompt
	counter  int
	history  map[string]json.RawMessage
	order    []string // of history
	cache    map[string]result
	files    map[File]content
	dirs     map[string]string  // by type: where files lie instead
	times    map[File]time.Time // of files
	letters  map[string]string  // of PreviewImage's names, by node
	wake     chan struct{}
	program  Program
	lacking  []string                 // classes
	trusting bool                     // prompts are recorded ones: nothing is validated
	gates    map[string]chan struct{} // of FakeWait nodes
	frames   int                      // sent to clients of prompts
	log      Log
	thread   sync.WaitGroup
	stop     chan struct{}
	limit    int64         // of an upload
	pace     time.Duration // of a prompt
	mortal   bool
}

// File is a name in ComfyUI's folders.
type File struct{ Type, Subfolder, Filename string }

// Log is what a server was asked.
type Log struct {
	Prompts     []json.RawMessage // bodies of POST /prompt that were accepted
	Interrupted []string          // ids of prompts that an interrupt hit
	Deleted     []string          // ids that were deleted while they waited
	Forgotten   []string          // ids that were deleted from the history
	Freed       int               // POST /free
	Uploaded    []string          // names
	Viewed      []string          // names
	Ranges      []string          // what of them was asked for; "" for all
	Sockets     int
	Described   int // GET /object_info, of all classes
}

// Program runs a prompt instead of the nodes that the server knows.
type Program func(p *Play)

// New starts a server, which ends with the test.
func New(t testing.TB) *Server {
	s := Start(Options{})
	t.Cleanup(s.Close)
	return s
}

// Options of a server that is started for longer than a test.
type Options struct {
	Listen  string            // address; empty: a free one on loopback
	Folders map[string]string // by type (input, output, temp); none: files are in memory
	Pace    time.Duration     // how long a prompt takes at least, until a picture of it is shown
	Mortal  bool              // FakeDie ends the process
}

// Start starts a server that must be closed.
func Start(opt Options) *Server {
	s := &Server{sockets: map[string]*client{}, files: map[File]content{}, dirs: opt.Folders, times: map[File]time.Time{},
		gates: map[string]chan struct{}{}, stop: make(chan struct{}), limit: 100 << 20, pace: opt.Pace, mortal: opt.Mortal}
	s.program = simulate
	s.empty()
	mux := http.NewServeMux()
	for path, f := range map[string]http.HandlerFunc{
		"GET /ws": s.ws, "GET /prompt": s.remaining, "POST /prompt": s.submit, "GET /queue": s.listQueue, "POST /queue": s.editQueue,
		"POST /interrupt": s.interrupt, "GET /history": s.listHistory, "GET /history/{id}": s.listHistory, "POST /history": s.editHistory,
		"GET /view": s.view, "POST /upload/image": s.upload, "POST /free": s.free,
		"GET /object_info": s.objectInfo, "GET /object_info/{class}": s.objectInfo, "GET /system_stats": s.systemStats, "GET /features": s.features,
		"GET /models": s.models, "GET /models/{folder}": s.models,
	} {
		method, route, _ := strings.Cut(path, " ")
		mux.HandleFunc(method+" "+route, f)
		mux.HandleFunc(method+" /api"+route, f)
	}
	mux.HandleFunc("POST /api/jobs/{id}/cancel", s.cancelJob)
	s.http = httptest.NewUnstartedServer(s.troubled(mux))
	if opt.Listen != "" {
		l, err := net.Listen("tcp", opt.Listen)
		if err != nil {
			panic(err)
		}
		s.http.Listener.Close()
		s.http.Listener = l
	}
	s.lines = &lines{Listener: s.http.Listener, all: map[*line]bool{}}
	s.http.Listener = s.lines
	s.http.Start()
	s.URL = s.http.URL
	s.start()
	return s
}

// Close ends the server.
func (s *Server) Close() {
	close(s.stop)
	s.Restart()
	s.lines.hangUp()
	s.http.CloseClientConnections()
	s.http.Close()
	s.thread.Wait()
}

// empty is the state of a process that has just started. The caller holds mu,
// or is New.
func (s *Server) empty() {
	s.queue, s.running, s.counter = nil, nil, 0
	s.history, s.order, s.cache = map[string]json.RawMessage{}, nil, map[string]result{}
	s.letters = map[string]string{}
	s.wake = make(chan struct{}, 1)
	for f := range s.files {
		if f.Type == "temp" {
			delete(s.files, f)
		}
	}
}

// Log is what was asked so far.
func (s *Server) Log() Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// Idle reports that nothing waits or runs.
func (s *Server) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running == nil && len(s.queue) == 0
}

// Run makes a program of the test's own run the prompts from now on.
func (s *Server) Run(p Program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.program = p
}

// Remembered is how many entries the history has.
func (s *Server) Remembered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// ClearHistory forgets what has ended.
func (s *Server) ClearHistory() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history, s.order = map[string]json.RawMessage{}, nil
}

func writeJSON(w http.ResponseWriter, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(raw)
}

func (s *Server) systemStats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(recording.Answer(nobody{}, "system_stats"))
}

// nobody stands for a test where a server runs without one: recordings are part
// of the program.
type nobody struct{ testing.TB }

func (nobody) Helper() {}

func (s *Server) features(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, map[string]any{"supports_preview_metadata": true, "max_upload_size": s.limit})
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("folder") {
	case "":
		writeJSON(w, []string{"checkpoints", "loras"})
	case "checkpoints":
		writeJSON(w, []string{"dreams.safetensors"})
	case "loras":
		writeJSON(w, []string{})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *Server) free(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Freed++
	s.cache = map[string]result{}
	w.WriteHeader(http.StatusOK)
}

// Trust accepts every prompt from now on.
func (s *Server) Trust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trusting = true
}
