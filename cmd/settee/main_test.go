package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

func TestMain(m *testing.M) {
	if os.Getenv("SETTEE_TEST_PROGRAM") != "" {
		os.Exit(run())
	}
	testscript.Main(m, map[string]func(){"settee": main})
}

// The commands as people type them, each script in a folder of its own with
// the example workflows in $EXAMPLES.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples)
			e.Setenv("TMPDIR", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "await": await, "field": field,
			"comfyui": func(ts *testscript.TestScript, _ bool, args []string) { comfyui(t, ts, args) }},
	})
}

// exits CODE COMMAND… runs a command, which must end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit %d, want %s\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// await FILE waits until a file is there; await URL until that is answered well.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE|URL")
	}
	there := func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	}
	if strings.HasPrefix(args[0], "http") {
		there = func() bool {
			res, err := http.Get(args[0])
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		}
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(30 * time.Second)
	for {
		if there() {
			return
		}
		select {
		case <-limit:
			ts.Fatalf("%s did not appear", args[0])
		case <-ticker.C:
		}
	}
}

// field NAME FILE FIELD sets a variable to a text field of a JSON file; "." is
// the file's whole text.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field NAME FILE FIELD")
	}
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	if args[2] != "." {
		_, after, ok := strings.Cut(text, strconv.Quote(args[2]))
		if !ok {
			ts.Fatalf("%s has no %s", args[1], args[2])
		}
		text = strings.Split(after, `"`)[1]
	}
	ts.Setenv(args[0], text)
}

// comfyui NAME [fails] starts a ComfyUI for tests and sets a variable to its
// URL; one that fails raises in every prompt.
func comfyui(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: comfyui NAME [fails]")
	}
	s := comfyuitest.New(t)
	if len(args) > 1 {
		s.Run(func(p *comfyuitest.Play) {
			p.Say("execution_start", "")
			p.Raise("1", "FakeText", "RuntimeError", "no kernel image is available", `{}`)
		})
	}
	ts.Setenv(args[0], s.URL)
}

// program starts the program as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, self, args...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "SETTEE_TEST_PROGRAM=1", "TMPDIR="+c.Dir)
	return c
}

// slow is a workflow that takes many seconds, in short steps.
func slow() string {
	text := `{"0": {"class_type": "EmptyImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 1, "color": 255}}`
	const steps = 60
	for i := range steps {
		text += fmt.Sprintf(`, "%d": {"class_type": "ImageBlur", "inputs": {"image": ["%d", 0], "blur_radius": 31, "sigma": 1.0}}`, i+1, i)
	}
	return text + fmt.Sprintf(`, "end": {"class_type": "PreviewImage", "inputs": {"images": ["%d", 0]}}}`, steps)
}

// slowly starts the program on the slow workflow, in a folder of its own.
func slowly(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := program(t, append([]string{"run", "slow.json"}, args...)...)
	if err := os.WriteFile(filepath.Join(c.Dir, "slow.json"), []byte(slow()), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// tidied checks that no throw-away folder is left, and no output folder that
// nothing came into.
func tidied(t *testing.T, c *exec.Cmd) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(c.Dir, "settee-run-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "outputs")); !os.IsNotExist(err) {
		t.Errorf("outputs was left: %v", err)
	}
}

// Ctrl-C, or a terminal that closes, cancels the job, says so, removes the
// throw-away folder and ends with 128 + the signal's number.
func TestInterrupt(t *testing.T) {
	for _, s := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		t.Run(s.signal.String(), func(t *testing.T) {
			if s.signal == syscall.SIGHUP && signal.Ignored(s.signal) {
				t.Skip("these tests run under nohup, and so would the program: TestNoHangup is about that")
			}
			interrupt(t, s.signal, s.code)
		})
	}
}

func interrupt(t *testing.T, with syscall.Signal, want int) {
	c := slowly(t, "--json")
	var said strings.Builder
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		last = lines.Text()
		if strings.Contains(last, `"executing"`) && strings.Contains(last, `"node":"2"`) {
			if err := c.Process.Signal(with); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != want {
		t.Errorf("exit %d\n%s", code, said.String())
	}
	if !strings.Contains(last, `"type":"result"`) || !strings.Contains(last, `"status":"cancelled"`) {
		t.Errorf("the last event was %s", last)
	}
	if !strings.Contains(said.String(), "stopped by "+with.String()+"; job ") {
		t.Errorf("said %s", said.String())
	}
	tidied(t, c)
}

// A reader that goes away, as head does, ends the run like a signal.
func TestNobodyReads(t *testing.T) {
	for name, args := range map[string][]string{"standard error": nil, "standard output": {"--json"}} {
		t.Run(name, func(t *testing.T) {
			c := slowly(t, args...)
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			var said strings.Builder
			if c.Stderr = in; args != nil {
				c.Stdout, c.Stderr = in, &said
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			in.Close()
			if first, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(first, "submitted") {
				t.Errorf("first %q, %v", first, err)
			}
			out.Close()
			c.Wait()
			if code := c.ProcessState.ExitCode(); code != 128+int(syscall.SIGPIPE) {
				t.Errorf("ended with %d: %s", code, c.ProcessState)
			}
			if args != nil && !regexp.MustCompile(`^stopped by broken pipe; job \S+: cancelled\n$`).MatchString(said.String()) {
				t.Errorf("said %s", said.String())
			}
			tidied(t, c)
		})
	}
}

// Under nohup a terminal that closes ends nothing.
func TestNoHangup(t *testing.T) {
	postcard, err := filepath.Abs("../../examples/postcard.json")
	if err != nil {
		t.Fatal(err)
	}
	c := program(t, "run", postcard, "--json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGHUP) // the program inherits it
	err = c.Start()
	signal.Reset(syscall.SIGHUP)
	if err != nil {
		t.Fatal(err)
	}
	var last string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last == "" {
			if err := c.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		last = lines.Text()
	}
	if err := c.Wait(); err != nil || !strings.Contains(last, `"status":"completed"`) {
		t.Errorf("%v; the last event was %s", err, last)
	}
}
