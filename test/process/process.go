// Package process runs settee as the program it is, for tests that kill it,
// restart it, and ask it as strangers do.
package process

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Key is the client key of account default of every Server.
const Key = "comfyui-test"

// patience is how long a server may take to get ready or to stop.
const patience = 30 * time.Second

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

	t    testing.TB
	bin  string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan error
}

// Serve starts a server on a free loopback port with a data folder of its own
// and waits until it is ready. It is stopped when the test ends.
func Serve(t testing.TB, args ...string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	s := &Server{t: t, bin: Build(t), Data: t.TempDir(), URL: "http://" + listen, args: args}
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
	s.log = &bytes.Buffer{}
	s.cmd = exec.Command(s.bin, append([]string{"serve", "--listen", s.URL[len("http://"):], "--data", s.Data}, s.args...)...)
	s.cmd.Env = append(os.Environ(), "SETTEE_BOOTSTRAP_KEY="+Key)
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
		if res, err := http.Get(s.URL + "/readyz"); err == nil {
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

// PID is the running process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the process as a power cut would (SIGKILL).
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = <-s.done // says that it was killed
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
