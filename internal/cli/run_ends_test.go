package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/cli"
)

// last reads the last line on standard output.
func (s *shell) last() (kind string, data map[string]any) {
	s.t.Helper()
	lines := strings.Split(strings.TrimSuffix(s.out.String(), "\n"), "\n")
	var e struct {
		Type string
		Data map[string]any
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil {
		s.t.Fatalf("the last line is %q: %v", lines[len(lines)-1], err)
	}
	return e.Type, e.Data
}

// Whatever goes wrong before a job, --json ends with one event that says it, and
// standard error says it to people.
func TestRunAsNDJSONEndsWithAnEvent(t *testing.T) {
	s := newShell(t)
	s.write("w.json", graph)
	s.write("broken.json", `{"3":`)
	s.write("file", "")
	gone := httptest.NewServer(nil)
	gone.Close()
	keyed := fake(t, map[string]http.HandlerFunc{"/": answer(401, `{"code":"unauthorized","message":"The key is wrong."}`)})
	s.program.Start = func(context.Context, cli.Serve, *slog.Logger) (cli.Server, error) { return nil, errors.New("no room") }
	for _, c := range []struct {
		args       string
		exit       int
		code, says string
	}{
		{"w.json --key x --server " + keyed, 1, "unauthorized", "The key is wrong."},
		{"w.json --server " + gone.URL, 1, "unreachable", "refused. Is the server running?"},
		{"broken.json", 2, "refused", "broken.json is not JSON: "},
		{"w.json --set 9.a=1", 2, "refused", "there is no node 9"},
		{"w.json --server ftp://x", 2, "refused", "it must look like http://host:port"},
		{"w.json --output-dir file", 2, "refused", "--output-dir file: not a directory"},
		{"w.json --nonsense", 2, "refused", "unknown flag --nonsense"},
		{"w.json", 1, "failed", "the embedded server did not start: no room"},
	} {
		code := s.run(append([]string{"run", "--json"}, strings.Fields(c.args)...)...)
		kind, data := s.last()
		message, _ := data["message"].(string)
		if code != c.exit || kind != "error" || data["code"] != c.code || !strings.Contains(message, c.says) || strings.Count(s.out.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, %s", c.args, code, s.out.String())
		}
		if s.err.String() != "settee: "+message+"\n" {
			t.Errorf("%s: said %q", c.args, s.err.String())
		}
	}
}

// What goes wrong after a job is in its result, which stays the last event.
func TestRunAsNDJSONWithoutAFile(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	c.job = `,"outputs":{"4":{"images":[{"filename":"a.png"}]}}`
	s.write("w.json", graph)
	code := s.run("run", "w.json", "--json", "--server", c.serve())
	if kind, data := s.last(); code != 1 || kind != "result" || data["status"] != "completed" || data["message"] != "a.png of node 4: no such file (HTTP 404)" {
		t.Errorf("exit %d: %s %v", code, kind, data)
	}
	if !strings.Contains(s.err.String(), "settee: a.png of node 4: ") {
		t.Errorf("said %s", s.err.String())
	}
}

func TestRunChecksItsOutputFolderFirst(t *testing.T) {
	s := newShell(t) // it starts no server
	s.write("w.json", graph)
	s.write("file", "")
	s.want(s.run("run", "w.json", "--output-dir", "file/below"), 2, "", "settee: --output-dir file/below: not a directory\n")
	s.want(s.run("run", "w.json", "--output-dir", "/proc/none/x"), 2, "", "settee: --output-dir /proc/none/x: ")

	// A folder that nothing came into is taken away again; one that was there is not.
	c := newCloud(t)
	c.frames = whole
	server := c.serve()
	s.want(s.run("run", "w.json", "--server", server, "--output-dir", "a/b/c"), 0, "")
	if err := os.Mkdir("there", 0o755); err != nil {
		t.Fatal(err)
	}
	c = newCloud(t)
	c.frames = whole
	s.want(s.run("run", "w.json", "--server", c.serve(), "--output-dir", "there"), 0, "")
	if _, err := os.Stat("a"); !os.IsNotExist(err) {
		t.Errorf("a was left: %v", err)
	}
	if left, err := os.ReadDir("there"); err != nil || len(left) > 0 {
		t.Errorf("there: %v, %v", left, err)
	}
}

// An operator's key, and a folder that a server has: which setting it is, and
// what to do.
func TestRunNamesTheSetting(t *testing.T) {
	s := newShell(t)
	s.write("w.json", graph)
	forbidden := fake(t, map[string]http.HandlerFunc{"/": answer(403, `{"code":"forbidden","message":"An operator's key opens /admin only; use a key of an account."}`)})
	s.want(s.run("run", "w.json", "--server", forbidden, "--key", "admin"), 1, "",
		"settee: An operator's key opens /admin only; use a key of an account. `settee key create ACCOUNT` makes a key of an account, for --key.\n")
	t.Setenv("SETTEE_SERVER", forbidden)
	t.Setenv("SETTEE_KEY", "admin")
	s.want(s.run("run", "w.json"), 1, "", "account. The key is that of SETTEE_KEY. `settee key create ACCOUNT` makes a key of an account, for --key. Without SETTEE_SERVER a server is started for this run, and no key is needed.\n")
	os.Unsetenv("SETTEE_SERVER")

	s.write("d/server.json", `{"url":"http://127.0.0.1:7","key":"k"}`)
	s.program.Start = func(_ context.Context, o cli.Serve, _ *slog.Logger) (cli.Server, error) {
		return nil, &cli.DataInUse{Folder: o.Data}
	}
	t.Setenv("SETTEE_DATA", "d")
	s.want(s.run("run", "w.json"), 1, "", "settee: the embedded server did not start: another server has the data folder d. Run on that server with --server http://127.0.0.1:7 --key KEY (`settee key create ACCOUNT` makes a key), or take another folder with --data. This one is that of SETTEE_DATA.\n")
	s.want(s.run("serve"), 1, "", "settee: another server has the data folder d. It answers at http://127.0.0.1:7. Stop it, or take another folder with --data. This one is that of SETTEE_DATA.\n")
	s.want(s.run("serve", "--data", "e"), 1, "", "settee: another server has the data folder e. Stop it, or take another folder with --data.\n")
}

// The time runs from the submit: a server may take its time to come up, and
// files may take theirs to come down.
func TestRunTimesTheJobAlone(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	c.job = `,"outputs":{"4":{"images":[{"filename":"a.png"}]}}`
	c.files = map[string]string{"|a.png": "A"}
	s.write("w.json", graph)
	const limit = 2 * time.Second
	stopped := false
	s.program.Start = func(ctx context.Context, _ cli.Serve, _ *slog.Logger) (cli.Server, error) {
		<-time.After(limit + 50*time.Millisecond)
		return own{url: c.serve(), stopped: &stopped}, ctx.Err()
	}
	s.want(s.run("run", "w.json", "--timeout", limit.String()), 0, "outputs/a.png\n", "completed in ")
}

func TestRunTakesARequest(t *testing.T) {
	for _, c := range []struct{ file, key, sent string }{
		{`{"client_id": "x", "prompt": ` + graph + `, "extra_data": {"a": 1e400, "b": {}}}`, "", `,"extra_data":{"a": 1e400, "b": {}},"prompt_id":`},
		{`{"prompt": ` + graph + `, "extra_data": {"a": 1}}`, "k", `,"extra_data":{"a": 1, "api_key_comfy_org":"k"},"prompt_id":`},
		{`{"prompt": ` + graph + `, "extra_data": { }}`, "k", `,"extra_data":{"api_key_comfy_org":"k"},"prompt_id":`},
		{`{"prompt": ` + graph + `, "extra_data": null}`, "", `,"prompt_id":`},
		{`{"prompt": ` + graph + `}`, "", `,"prompt_id":`},
	} {
		s, server := newShell(t), newCloud(t)
		server.frames = whole
		if strings.Contains(c.file, "1e400") {
			server.refusal = `{}` // the stand-in reads no such number
		}
		s.write("w.json", c.file)
		s.run("run", "w.json", "--server", server.serve(), "--partner-key", c.key)
		if !strings.HasPrefix(server.received, `{"prompt":`+graph+c.sent) {
			t.Errorf("of %s\nsent %s", c.file, server.received)
		}
	}
	s, server := newShell(t), newCloud(t)
	server.frames = whole
	odd := strings.ReplaceAll(graph, `"3"`, `"prompt"`) // a node's id
	s.write("w.json", odd)
	s.want(s.run("run", "w.json", "--server", server.serve()), 0, "", "completed")
	if !strings.HasPrefix(server.received, `{"prompt":`+odd) {
		t.Errorf("sent %s", server.received)
	}
	s.write("w.json", `{"prompt": {"nodes": [], "links": []}}`)
	s.want(s.run("run", "w.json"), 2, "", "w.json is a workflow as the editor saves it")
	s.write("w.json", `{"prompt": {}, "extra_data": 1}`)
	s.want(s.run("run", "w.json"), 2, "", "w.json: its extra_data is no object")
}
