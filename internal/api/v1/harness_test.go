package v1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/v1"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/recording"
	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/internal/workflow"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// clock is a time that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start is when a test's clock begins: 1767225600000 in milliseconds.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// house is the surface over a real queue on a database of its own; only who
// asks and what the workers are is made up.
type house struct {
	*queue.Service
	t       *testing.T
	api     *v1.API
	handler http.Handler
	clock   *clock
	session queue.Session
	log     *bytes.Buffer
}

// newHouse has the accounts a and b with keys key-a and key-b, a key-admin, a
// key-free whose tier has no API; an open one has everybody.
func newHouse(t *testing.T, open bool) *house {
	t.Helper()
	db := storetest.SQLite(t)
	hints := bus.NewLocal()
	t.Cleanup(func() { hints.Close() })
	h := &house{t: t, clock: &clock{now: start}, log: new(bytes.Buffer)}
	for _, id := range []string{"a", "b", "everybody"} {
		storetest.Account(t, db, id, settee.Tier{QueueLimit: 20})
	}
	h.Service = queue.New(db, hints, queue.Options{Now: h.clock.Now, Poll: time.Hour, Log: slog.New(slog.DiscardHandler)})
	h.api = &v1.API{
		Queue:     h.Service,
		Admission: admission.New(workers{}, noFiles{}, h.Service, func([]byte) (string, error) { return "sealed", nil }),
		Pools:     workers{},
		Open:      open,
		Version:   "test",
		MaxUpload: 1 << 20,
		Now:       h.clock.Now,
	}
	r := api.New(api.Deps{Accounts: keys{}, Open: open, Log: slog.New(slog.NewJSONHandler(h.log, nil)), Now: h.clock.Now})
	h.api.Mount(r)
	h.handler = r
	var err error
	if h.session, err = h.Open(t.Context(), "worker", "native", settee.Description{Engine: "native", Depth: 1}); err != nil {
		t.Fatal(err)
	}
	return h
}

// keys are the accounts by what they show.
type keys struct{}

func (keys) Authenticate(_ context.Context, secret string) (settee.Account, settee.Key, error) {
	client := settee.Key{Scope: settee.ScopeClient}
	switch secret {
	case "key-a", "key-b":
		id := strings.TrimPrefix(secret, "key-")
		return settee.Account{ID: id, Name: "name of " + id, Tier: settee.Tier{Name: "pro", API: true, Concurrent: 5}}, client, nil
	case "key-free":
		return settee.Account{ID: "free", Tier: settee.Tier{Name: "free"}}, client, nil
	case "key-admin":
		return settee.Account{}, settee.Key{Scope: settee.ScopeAdmin}, nil
	}
	return settee.Account{}, settee.Key{}, settee.Faultf(settee.CodeUnauthorized, "This key is not known.")
}

func (keys) Default(context.Context) (settee.Account, error) {
	return settee.Account{ID: "everybody", Name: "default", Tier: settee.Tier{Name: "local", API: true}}, nil
}

// workers know the recorded server's nodes, though they do not say so when they
// open a session.
type workers struct{ models []pool.Folder }

var catalog = sync.OnceValues(func() (*workflow.Catalog, error) { return workflow.ParseCatalog(recording.ObjectInfo()) })

func (workers) Pools(context.Context) ([]pool.Pool, error) {
	c, err := catalog()
	return []pool.Pool{{Name: "native", Variants: []pool.Variant{{Hash: workflow.Hash([]byte("{}")), Catalog: c}}}}, err
}

func (workers) ObjectInfo(_ context.Context, _, class string) ([]byte, error) {
	switch class {
	case "":
		return recording.ObjectInfo(), nil
	case "Odd/Class":
		return []byte(`{"Odd/Class":{"max":Infinity}}`), nil
	}
	return []byte("{}"), nil
}

func (workers) Devices(context.Context) (json.RawMessage, error) {
	return json.RawMessage(`[{"name":"cpu","type":"cpu"}]`), nil
}

func (w workers) Models(context.Context) ([]pool.Folder, error) { return w.models, nil }

type noFiles struct{}

func (noFiles) Account(string) workflow.Files { return noFiles{} }

func (noFiles) Resolve(context.Context, string, settee.FileType) (settee.Blob, bool, error) {
	return settee.Blob{}, false, nil
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// ask sends a request as account a of a house with keys.
func (h *house) ask(method, target, body string, header ...string) answer {
	h.t.Helper()
	if !h.api.Open && len(header) == 0 {
		header = []string{"X-API-Key", "key-a"}
	}
	return h.send(method, target, body, header...)
}

func (h *house) send(method, target, body string, header ...string) answer {
	h.t.Helper()
	q := httptest.NewRequest(method, target, strings.NewReader(body))
	q.Host = "127.0.0.1:8188"
	q.Header.Set("X-Request-Id", "req")
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, q)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{h.t, w.Code, w.Result().Header, string(text)}
}

// is checks status and body to the byte.
func (a answer) is(status int, body string) {
	a.t.Helper()
	if a.status != status || a.body != body {
		a.t.Errorf("got  %d %s\nwant %d %s", a.status, a.body, status, body)
	}
	if ct := a.header.Get("Content-Type"); body != "" && ct != "application/json; charset=utf-8" {
		a.t.Errorf("Content-Type is %q", ct)
	}
}

// into reads a body of status 200.
func (a answer) into(v any) {
	a.t.Helper()
	if a.status != http.StatusOK {
		a.t.Fatalf("got %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
}

// ids of jobs that tests choose.
const (
	id1 = "00000000-0000-4000-8000-000000000001"
	id2 = "00000000-0000-4000-8000-000000000002"
	id3 = "00000000-0000-4000-8000-000000000003"
)

// picture is a graph that validates: one empty picture, saved. The width is
// text that validation converts.
const picture = `{"1": {"class_type":"EmptyImage","inputs":{"width":"8","height":8,"batch_size":1,"color":9007199254740993}},
 "9": {"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"cat"},"_meta":{"title":"last"}}}`

// shown is how picture is read back: as it was sent, but the width. A response
// leaves out blanks.
const shown = `{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":255}},` +
	`"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"cat"},"_meta":{"title":"last"}}}`

// valid is picture with a colour in range.
var valid = strings.Replace(picture, "9007199254740993", "255", 1)

// submit queues a job under id; more goes into the body.
func (h *house) submit(id, more string) {
	h.t.Helper()
	a := h.ask("POST", "/api/prompt", `{"prompt": `+valid+`, "prompt_id": "`+id+`"`+more+`}`)
	if a.status != http.StatusOK {
		h.t.Fatalf("submit: %d %s", a.status, a.body)
	}
}

// claim gives the next job to the worker; it must be there.
func (h *house) claim() *queue.Lease {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	l, err := h.Claim(ctx, h.session, false)
	if err != nil {
		h.t.Fatal(err)
	}
	event := settee.Event{Type: settee.EventStart, Data: json.RawMessage(`{"prompt_id":"` + l.PromptID + `"}`)}
	err = h.Report(h.t.Context(), l.Attempt, []settee.Frame{{AccountID: l.AccountID, PromptID: l.PromptID, Type: event.Type, Data: event.Data}})
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

// save has the worker save one picture for node 9.
func (h *house) save(l *queue.Lease) {
	h.t.Helper()
	_, err := h.Execute(h.t.Context(), l.Attempt, engine.Executed{Node: "9", DisplayNode: "9", RealNode: "9",
		Output: []engine.Key{{Name: "images", Entries: []engine.Entry{{New: &engine.NewFile{
			Bytes: engine.BytesOf([]byte("cat.")), Type: settee.Output, Prefix: "cat", Suffix: "_.png", MIME: "image/png"}}}}}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// finish ends the attempt a second after now.
func (h *house) finish(l *queue.Lease, state settee.JobState, reason settee.Reason, kind, data string) {
	h.t.Helper()
	h.clock.advance(time.Second)
	err := h.Finish(h.t.Context(), l.Attempt, queue.Ending{State: state, Reason: reason,
		Event: settee.Event{Type: kind, Data: json.RawMessage(data)}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) succeed(l *queue.Lease) {
	h.t.Helper()
	h.finish(l, settee.Completed, settee.ReasonNone, settee.EventSuccess, `{"prompt_id":"`+l.PromptID+`"}`)
}

// failureData is what a node that raised leaves.
const failureData = `{"prompt_id":"` + id1 + `","node_id":"9","node_type":"SaveImage","executed":[],"exception_message":"no room\n",` +
	`"exception_type":"OSError","traceback":[],"current_inputs":{"x":[1]},"current_outputs":["9"]}`

func (h *house) fail(l *queue.Lease) {
	h.t.Helper()
	h.finish(l, settee.Failed, settee.ReasonError, settee.EventError, failureData)
}

// complete runs a job of that id to its end.
func (h *house) complete(id, more string) {
	h.t.Helper()
	h.submit(id, more)
	h.clock.advance(time.Second)
	l := h.claim()
	h.save(l)
	h.succeed(l)
}
