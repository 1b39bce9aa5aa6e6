package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
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

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// recorder is a bus that keeps every frame and hands hints on at once.
type recorder struct {
	mu     sync.Mutex
	frames []settee.Frame
	heard  map[int]func(subject string, body []byte)
	next   int
}

func (r *recorder) Publish(_ context.Context, subject string, body []byte) error {
	r.mu.Lock()
	if id, ok := strings.CutPrefix(subject, bus.Account); ok {
		var f settee.Frame
		if err := json.Unmarshal(body, &f); err != nil || f.AccountID != id {
			panic(fmt.Sprintf("frame %s on %s: %v", body, subject, err))
		}
		r.frames = append(r.frames, f)
	}
	var fns []func(string, []byte)
	for _, fn := range r.heard {
		fns = append(fns, fn)
	}
	r.mu.Unlock()
	for _, fn := range fns {
		fn(subject, body)
	}
	return nil
}

func (r *recorder) Subscribe(subject string, fn func([]byte)) (func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard == nil {
		r.heard = map[int]func(string, []byte){}
	}
	r.next++
	id := r.next
	r.heard[id] = func(s string, body []byte) {
		if s == subject {
			fn(body)
		}
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.heard, id)
	}, nil
}

func (r *recorder) Close() error { return nil }

// take answers an account's frames since the last call, one a line: type, seq
// where durable, "end" where it is the ending, data.
func (r *recorder) take(account string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	r.frames = slices.DeleteFunc(r.frames, func(f settee.Frame) bool {
		if f.AccountID != account {
			return false
		}
		line := f.Type
		if f.Seq > 0 {
			line += fmt.Sprint(" #", f.Seq)
		}
		if f.Ended {
			line += " end"
		}
		lines = append(lines, line+" "+string(f.Data)+string(f.Binary))
		return true
	})
	return lines
}

// house is a queue on a database of its own, at a time of its own.
type house struct {
	*queue.Service
	t     *testing.T
	db    *store.DB
	bus   *recorder
	clock *clock
}

// start is when a test's clock begins: 1767225600000 in milliseconds.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newHouse(t *testing.T, db *store.DB) *house {
	h := &house{t: t, db: db, bus: &recorder{}, clock: &clock{now: start}}
	h.Service = h.boot("")
	return h
}

// boot is another server on the same database and bus.
func (h *house) boot(name string) *queue.Service {
	return queue.New(h.db, h.bus, queue.Options{Now: h.clock.Now, Boot: name, Poll: time.Hour,
		Log: slog.New(slog.DiscardHandler)})
}

// each runs f in a house on each kind of database, with account a of the tier.
func each(t *testing.T, tier settee.Tier, f func(t *testing.T, h *house)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		storetest.Account(t, db, "a", tier)
		f(t, h)
	})
}

func (h *house) submit(account, prompt string, change ...func(*queue.Submission)) settee.Job {
	h.t.Helper()
	job, err := h.trySubmit(account, prompt, change...)
	if err != nil {
		h.t.Fatalf("submit %s: %v", prompt, err)
	}
	return job
}

func (h *house) trySubmit(account, prompt string, change ...func(*queue.Submission)) (settee.Job, error) {
	s := queue.Submission{AccountID: account, PromptID: prompt, ClientID: "tab", Lane: "native",
		Graph: settee.Graph{Prompt: json.RawMessage(`{"9": {"class_type":"SaveImage"}}`), Outputs: []string{"9"},
			ExtraData: json.RawMessage(`{"client_id":"tab"}`)}}
	for _, f := range change {
		f(&s)
	}
	return h.Submit(context.Background(), s)
}

func (h *house) open(worker, pool string) queue.Session {
	h.t.Helper()
	s, err := h.Open(h.t.Context(), worker, pool, settee.Description{Engine: "native", Version: "1", Depth: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// claim takes the job that must be there.
func (h *house) claim(s queue.Session) *queue.Lease {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	l, err := given(h.Claim(ctx, s, false))
	if err != nil {
		h.t.Fatalf("claim: %v", err)
	}
	return l
}

// none checks that there is nothing to claim.
func (h *house) none(s queue.Session) {
	h.t.Helper()
	if c, err := h.db.ClaimJob(h.t.Context(), s, false, h.clock.Now()); c != nil || err != nil && !errors.Is(err, queue.ErrBenched) {
		h.t.Fatalf("claimed %+v, %v; want nothing", c, err)
	}
}

// image is a node that saves one new file.
func image(node, prefix string) engine.Executed {
	return engine.Executed{Node: node, DisplayNode: node, RealNode: node, Output: []engine.Key{{Name: "images",
		Entries: []engine.Entry{{New: &engine.NewFile{Bytes: engine.BytesOf([]byte("a picture of " + prefix)), Type: settee.Output,
			Prefix: prefix, Suffix: "_.png", MIME: "image/png"}}}}}}
}

func (h *house) execute(l *queue.Lease, x engine.Executed) string {
	h.t.Helper()
	out, err := h.Execute(h.t.Context(), l.Attempt, x)
	if err != nil {
		h.t.Fatalf("execute: %v", err)
	}
	return string(out)
}

func success(l *queue.Lease) queue.Ending {
	return queue.Ending{State: settee.Completed, Event: settee.Event{Type: settee.EventSuccess,
		Data: json.RawMessage(`{"prompt_id":"` + l.PromptID + `"}`)}}
}

func (h *house) finish(l *queue.Lease, e queue.Ending) {
	h.t.Helper()
	if err := h.Finish(h.t.Context(), l.Attempt, e); err != nil {
		h.t.Fatalf("finish: %v", err)
	}
}

// run submits, claims and finishes a job.
func (h *house) run(account, prompt string, s queue.Session) {
	h.t.Helper()
	h.submit(account, prompt)
	l := h.claim(s)
	h.finish(l, success(l))
}

func (h *house) job(account, prompt string) settee.Job {
	h.t.Helper()
	j, err := h.Job(h.t.Context(), account, prompt)
	if err != nil {
		h.t.Fatalf("job %s: %v", prompt, err)
	}
	status, err := h.Status(h.t.Context(), account, prompt)
	if want := (settee.Job{PromptID: j.PromptID, State: j.State, Reason: j.Reason, CancelRequested: j.CancelRequested, CreatedAt: j.CreatedAt,
		StartedAt: j.StartedAt, EndedAt: j.EndedAt, UpdatedAt: j.UpdatedAt, Error: j.Error}); err != nil || !reflect.DeepEqual(status, want) {
		h.t.Errorf("status of %s: %+v, %v, want %+v", prompt, status, err, want)
	}
	return j
}

func (h *house) reap() {
	h.t.Helper()
	if err := h.Reap(h.t.Context()); err != nil {
		h.t.Fatalf("reap: %v", err)
	}
}

// names are an account's assets, sorted.
func (h *house) names(account string) string {
	h.t.Helper()
	var names []string
	err := h.db.Read(h.t.Context(), func(tx *store.Tx) (err error) {
		names, err = store.Collect(tx, store.One[string], `SELECT filename FROM assets WHERE account_id = $1 ORDER BY filename`, account)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func wantCode(t *testing.T, err error, code settee.Code) {
	t.Helper()
	if settee.CodeOf(err) != code {
		t.Fatalf("error %v (%q), want %q", err, settee.CodeOf(err), code)
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func wantText(t *testing.T, what string, got any, want string) {
	t.Helper()
	s, ok := got.(string)
	if raw, isRaw := got.(json.RawMessage); isRaw {
		s, ok = string(raw), true
	}
	if !ok {
		s = fmt.Sprint(got)
	}
	if s != want {
		t.Fatalf("%s:\n got %s\nwant %s", what, s, want)
	}
}

// prompts are jobs' prompt ids in order.
func prompts[J any](jobs []J, id func(J) string) string {
	var all []string
	for _, j := range jobs {
		all = append(all, id(j))
	}
	return strings.Join(all, " ")
}

func jobID(j settee.Job) string       { return j.PromptID }
func detailID(d record.Detail) string { return d.PromptID }

// History is the service's, with the details of its jobs.
func (h *house) History(ctx context.Context, account string, max, offset int) ([]record.Detail, error) {
	ids, err := h.Service.History(ctx, account, max, offset)
	if err != nil {
		return nil, err
	}
	return h.details(account, ids)
}

// Live is the service's, with the details of its jobs.
func (h *house) Live(ctx context.Context, account string) (running, pending []record.Detail, err error) {
	run, wait, err := h.Service.Live(ctx, account)
	if err != nil {
		return nil, nil, err
	}
	running, err = h.details(account, run)
	if err != nil {
		return nil, nil, err
	}
	pending, err = h.details(account, wait)
	return running, pending, err
}

func (h *house) details(account string, ids []string) (all []record.Detail, err error) {
	err = h.Each(context.Background(), account, ids, func(d *record.Detail) error {
		all = append(all, *d)
		return nil
	})
	return all, err
}

// given is a claim whose lease is given for sure.
func given(l *queue.Lease, err error) (*queue.Lease, error) {
	if l != nil && err == nil {
		if err = l.Grant.Wait(context.Background()); err != nil {
			l = nil
		}
	}
	return l, err
}
