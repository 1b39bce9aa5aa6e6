// Package replay holds a running server to what a real ComfyUI was recorded to
// answer: every request is real HTTP, every frame comes over a real WebSocket.
package replay_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/app"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/store/storetest"
)

// secret is the client key of a server with keys.
const secret = "comfyui-replay"

// patience is how long anything may take.
var patience = map[bool]time.Duration{false: 60 * time.Second, true: 5 * time.Minute}[raced]

// server is a whole server in this process, with one native worker.
type server struct {
	*testing.T
	url  string
	open bool
	key  string // of the account that asks; empty: of none
	http *http.Client
	data string
}

// serve starts a server with a data folder of its own; it stops with the test.
func serve(t *testing.T, open bool, e engine.Engine) *server {
	t.Helper()
	return start(t, app.Config{Open: open, Native: e, Workers: 1})
}

// start is a server as cfg has it, which is ready.
func start(t *testing.T, cfg app.Config) *server {
	t.Helper()
	s := begin(t, cfg)
	s.ready()
	return s
}

// begin is a server that may not be ready yet.
func begin(t *testing.T, cfg app.Config) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cfg.Listen, cfg.Data, cfg.BootstrapKey, cfg.Version, cfg.Log = "127.0.0.1:0", t.TempDir(), secret, "replay", slog.New(slog.DiscardHandler)
	storetest.Fresh(t, filepath.Join(cfg.Data, "settee.db")) // dozens of servers, one migration
	a, err := app.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	s := &server{T: t, data: cfg.Data, url: a.URL(), open: cfg.Open, key: secret, http: &http.Client{Timeout: patience, Transport: &http.Transport{}}}
	t.Cleanup(func() {
		s.http.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

func (s *server) ready() {
	s.Helper()
	s.poll("ready", func() bool { return s.ask(http.MethodGet, "/readyz", nil).status == http.StatusOK })
}

// poll asks until the answer is yes.
func (s *server) poll(what string, yes func() bool) {
	s.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-late.C:
			s.Fatalf("the server was not %s in time", what)
		case <-again.C:
		}
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; header holds names and values.
func (s *server) ask(method, target string, body []byte, header ...string) answer {
	s.Helper()
	q, err := http.NewRequest(method, s.url+target, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if !s.open && s.key != "" {
		q.Header.Set("X-API-Key", s.key)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := s.http.Do(q)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer{r.StatusCode, r.Header, b}
}

// operator is the same server as its operator sees it.
func (s *server) operator(t *testing.T) *server {
	t.Helper()
	operator := *s
	operator.T = t
	text, err := os.ReadFile(filepath.Join(s.data, settee.ServerFile))
	if err != nil {
		t.Fatal(err)
	}
	var known settee.Server
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	operator.key, operator.open = known.Key, false
	return &operator
}

// account is the same server as a new account sees it.
func (s *server) account(t *testing.T, name string) *server {
	t.Helper()
	operator := s.operator(t)
	for _, a := range []answer{
		operator.ask(http.MethodPost, "/admin/accounts", []byte(`{"name":"`+name+`","tier":"pro"}`)),
		operator.ask(http.MethodPost, "/admin/keys", []byte(`{"account":"`+name+`","name":"test"}`)),
	} {
		var made struct{ Secret string }
		if err := json.Unmarshal(a.body, &made); a.status != http.StatusCreated || err != nil {
			t.Fatalf("account %s: %d %s", name, a.status, a.body)
		}
		operator.key = cmp.Or(made.Secret, operator.key)
	}
	return operator
}

// idle waits until nothing waits or runs.
func (s *server) idle() {
	s.Helper()
	s.poll("idle", func() bool {
		info := parse(s.T, s.ask(http.MethodGet, s.path("/prompt"), nil).body)
		return string(info.Get("exec_info").Get("queue_remaining").Raw()) == "0"
	})
}

// path is where a route of ComfyUI is asked for: under /api with keys.
func (s *server) path(p string) string {
	if s.open {
		return p
	}
	return "/api" + p
}

// upload puts a file into a folder under its name, over what was there.
func (s *server) upload(name, folder string, content []byte) {
	s.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", path.Base(name))
	if err != nil {
		s.Fatal(err)
	}
	fields := map[string]string{"type": folder, "overwrite": "true"}
	if dir := path.Dir(name); dir != "." {
		fields["subfolder"] = dir
	}
	if _, err := part.Write(content); err != nil {
		s.Fatal(err)
	}
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			s.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.Fatal(err)
	}
	a := s.ask(http.MethodPost, s.path("/upload/image"), form.Bytes(), "Content-Type", w.FormDataContentType())
	var stored struct{ Name string }
	if err := json.Unmarshal(a.body, &stored); a.status != http.StatusOK || err != nil || stored.Name != path.Base(name) {
		s.Fatalf("upload of %s: %d %s", name, a.status, a.body)
	}
}
