package process

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Token makes a token for workers of a server that runs.
func (s *Server) Token(args ...string) string {
	s.t.Helper()
	c := exec.Command(s.bin, append([]string{"worker", "token", "create", "--data", s.Data}, args...)...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		s.t.Fatalf("make a token: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// Worker is a running `settee worker`.
type Worker struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  *logged
	done chan error
}

// Work starts a worker. It is stopped when the test ends.
func Work(t testing.TB, server, token string, args ...string) *Worker {
	t.Helper()
	w := &Worker{t: t, log: &logged{}, done: make(chan error, 1)}
	w.cmd = exec.Command(Build(t), append([]string{"worker", "--workers", "1"}, args...)...)
	w.cmd.Dir = t.TempDir()
	w.cmd.Env = append(os.Environ(), "SETTEE_SERVER="+server, "SETTEE_TOKEN="+token)
	w.cmd.Stdout, w.cmd.Stderr = w.log, w.log
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.done <- w.cmd.Wait() }()
	t.Cleanup(func() {
		if w.cmd != nil {
			w.Stop()
		}
		if t.Failed() {
			t.Logf("worker log:\n%s", w.log)
		}
	})
	return w
}

// PID is the running process.
func (w *Worker) PID() int { return w.cmd.Process.Pid }

// Peak is the most memory that the process has had, in bytes.
func (w *Worker) Peak() int64 { return peak(w.t, w.PID()) }

// Kill ends the process as a power cut would (SIGKILL).
func (w *Worker) Kill() {
	w.t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	if err := <-w.done; err == nil {
		w.t.Error("a killed worker ended well")
	}
	w.cmd = nil
}

// Stop asks the process to end (SIGTERM) and fails the test unless it exits
// with 0 in time.
func (w *Worker) Stop() {
	w.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Errorf("the worker ended with %v:\n%s", err, w.log)
		}
		w.cmd = nil
	case <-late.C:
		w.t.Errorf("the worker did not stop:\n%s", w.log)
		w.Kill()
	}
}
