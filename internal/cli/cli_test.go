package cli_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/cli"
)

// shell is a place to run commands: a fresh folder, a clock and no environment.
type shell struct {
	t        *testing.T
	program  cli.Program
	out, err bytes.Buffer
}

func newShell(t *testing.T) *shell {
	t.Helper()
	for _, name := range []string{"SETTEE_SERVER", "SETTEE_KEY", "SETTEE_DATA"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	t.Chdir(t.TempDir())
	s := &shell{t: t}
	s.program = cli.Program{
		In: strings.NewReader(""), Out: &s.out, Err: &s.err, Version: "v0",
		Now: time.Now,
		Start: func(context.Context, cli.Serve, *slog.Logger) (cli.Server, error) {
			t.Error("a server was started")
			return nil, io.EOF
		},
	}
	return s
}

// run runs a command line and gives its exit code; what it printed is in out
// and err.
func (s *shell) run(args ...string) int { return s.runUntil(s.t.Context(), args...) }

func (s *shell) runUntil(ctx context.Context, args ...string) int {
	s.out.Reset()
	s.err.Reset()
	return s.program.Main(ctx, args)
}

func (s *shell) write(name, content string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// want checks exit code, standard output and parts of standard error.
func (s *shell) want(code int, wantCode int, out string, errParts ...string) {
	s.t.Helper()
	if code != wantCode || s.out.String() != out {
		s.t.Errorf("exit %d, want %d; standard output:\n%s\nwant\n%s\nstandard error:\n%s", code, wantCode, s.out.String(), out, s.err.String())
	}
	for _, part := range errParts {
		if !strings.Contains(s.err.String(), part) {
			s.t.Errorf("standard error lacks %q:\n%s", part, s.err.String())
		}
	}
}

// fake starts a server of the given routes.
func fake(t *testing.T, routes map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestHelpAndMistakes(t *testing.T) {
	s := newShell(t)
	if code := s.run("--help"); code != 0 || !strings.Contains(s.out.String(), "run") {
		t.Errorf("exit %d: %s", code, s.out.String())
	}
	if code := s.run("run", "--help"); code != 0 || !strings.Contains(s.out.String(), "SETTEE_OUTPUT_DIR") {
		t.Errorf("exit %d: %s", code, s.out.String())
	}
	for _, want := range []string{"--output-dir=DIR", "(default ./outputs)."} {
		if !strings.Contains(strings.Join(strings.Fields(s.out.String()), " "), want) {
			t.Errorf("no %s in\n%s", want, s.out.String())
		}
	}
	s.want(s.run("paint"), 2, "", "unexpected argument paint")
	s.want(s.run("job", "list", "--status", "done"), 2, "", "--status done: the states are")
	s.want(s.run("account", "list"), 1, "", "no server is known: ./settee-data has no server.json")
}

func TestVersion(t *testing.T) {
	s := newShell(t)
	if code := s.run("version"); code != 0 || !strings.HasPrefix(s.out.String(), "settee v0 (go") {
		t.Errorf("exit %d: %s", code, s.out.String())
	}
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	s := newShell(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	s.want(s.run("account", "list", "--server", gone.URL), 1, "", "/admin/accounts: ", "refused. Is the server running?\n")
	s.write("w.json", graph)
	s.want(s.run("run", "w.json", "--server", gone.URL), 1, "", "settee: GET "+gone.URL+"/ws: ")
	if text := s.err.String(); strings.Count(text, "\n") != 1 {
		t.Errorf("said more than once: %s", text)
	}
	t.Setenv("SETTEE_SERVER", gone.URL)
	s.want(s.run("account", "list"), 1, "", "Is the server running? Its URL is that of SETTEE_SERVER.\n")
}
