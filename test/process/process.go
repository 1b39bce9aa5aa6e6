// Package process runs settee as the program it is, for tests that kill it,
// restart it, and ask it as strangers do.
package process

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Key is the client key of account default of every Server.
const Key = "comfyui-test"

// patience is how long a server may take to get ready or to stop.
const patience = 3 * time.Minute

// Build compiles the program once a test binary and returns its path.
func Build(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "settee-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "settee")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/settee/settee/cmd/settee").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// Server is a running `settee serve`.
type Server struct {
	URL  string
	Data string

	t     testing.TB
	setup Setup
	bin   string
	cmd   *exec.Cmd
	log   *logged
	done  chan error
}

// Setup is how a server is to be.
type Setup struct {
	Args []string // after `serve`
	Env  []string // beside the test's own
	Up   string   // the path that answers 200 once it has started; empty: /readyz
}

// Secret is the root secret of servers that share a database.
const Secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// On is a server on a database, "" being SQLite in its data folder.
func On(database string, args ...string) Setup {
	if database == "" {
		return Setup{Args: args}
	}
	return Setup{Args: append([]string{"--database", database}, args...), Env: []string{"SETTEE_SECRET=" + Secret}}
}

// Serve is Setup.Serve of a server with those arguments.
func Serve(t testing.TB, args ...string) *Server {
	t.Helper()
	return Setup{Args: args}.Serve(t)
}

// Serve starts a server on a free loopback port with a data folder of its own
// and waits until it is ready. It is stopped when the test ends.
func (u Setup) Serve(t testing.TB) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	s := &Server{t: t, bin: Build(t), Data: t.TempDir(), URL: "http://" + listen, setup: u, log: &logged{}}
	s.Start()
	t.Cleanup(func() {
		if s.cmd != nil {
			s.Stop()
		}
	})
	return s
}

// Start starts the server again, on the same port and folder.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, append([]string{"serve", "--listen", s.URL[len("http://"):], "--data", s.Data}, s.setup.Args...)...)
	s.cmd.Env = append(append(os.Environ(), "SETTEE_BOOTSTRAP_KEY="+Key), s.setup.Env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }()
	late := time.NewTimer(patience)
	defer late.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if res, err := http.Get(s.URL + cmp.Or(s.setup.Up, "/readyz")); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-s.done:
			s.cmd = nil
			s.t.Fatalf("the server ended with %v:\n%s", err, s.log)
		case <-late.C:
			s.t.Fatalf("the server did not get ready:\n%s", s.log)
		case <-poll.C:
		}
	}
}

// Log is what the server has written so far, over all its starts.
func (s *Server) Log() string { return s.log.String() }

// logged is text that is written and read at the same time.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// PID is the running process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Peak is the most memory that the process has had, in bytes.
func (s *Server) Peak() int64 { return peak(s.t, s.PID()) }

var most = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func peak(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc tells how much memory a process has had")
	}
	m := most.FindSubmatch(text)
	if m == nil {
		t.Fatalf("no peak in %s", text)
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64) // digits
	return kb << 10
}

// Kill ends the process as a power cut would (SIGKILL).
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	if err := <-s.done; err == nil {
		s.t.Error("the server ended well before it could be killed")
	}
	s.cmd = nil
}

// Stop asks the process to end (SIGTERM) and fails the test unless it exits
// with 0 in time.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("the server ended with %v:\n%s", err, s.log)
		}
	case <-late.C:
		s.t.Errorf("the server did not stop:\n%s", s.log)
		s.Kill()
	}
	s.cmd = nil
	if s.t.Failed() {
		s.t.Logf("server log:\n%s", s.log)
	}
}
