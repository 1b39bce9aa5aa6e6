package live_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const acct = "acct"

// past is a history in memory; change it with set.
type past struct {
	mu     sync.Mutex
	counts func() queue.Counts
	trails func(since time.Time) []record.Trail
	err    error
}

func (p *past) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *past) Counts(context.Context, string) (c queue.Counts, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts != nil {
		c = p.counts()
	}
	return c, p.err
}

func (p *past) Trails(_ context.Context, _ string, since time.Time) (all []record.Trail, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trails != nil {
		all = p.trails(since)
	}
	return all, p.err
}

// house is a hub with a bus to publish on.
type house struct {
	t    testing.TB
	bus  *bus.Local
	past *past
	hub  *live.Hub
}

func newHouse(t testing.TB, opt live.Options) *house {
	h := &house{t: t, bus: bus.NewLocal(), past: &past{}}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	h.hub = live.New(h.bus, h.past, opt)
	return h
}

func (h *house) attach(l live.Listener) *live.Session {
	h.t.Helper()
	if l.AccountID == "" {
		l.AccountID = acct
	}
	if l.Features == nil {
		l.Features = []byte(`{"supports_preview_metadata":true,"max_upload_size":104857600}`)
	}
	s, err := h.hub.Attach(context.Background(), l)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) publish(frames ...settee.Frame) {
	h.t.Helper()
	for _, f := range frames {
		if f.AccountID == "" {
			f.AccountID = acct
		}
		body, err := json.Marshal(f)
		if err != nil {
			h.t.Fatal(err)
		}
		if err := h.bus.Publish(context.Background(), bus.Account+f.AccountID, body); err != nil {
			h.t.Fatal(err)
		}
	}
}

// heard takes all messages that wait for a session.
func heard(t testing.TB, s *live.Session) []string {
	t.Helper()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	var all []string
	for {
		m, err := s.Next(now)
		if err != nil {
			return all
		}
		all = append(all, show(m))
	}
}

func show(m live.Message) string {
	if m.Binary != nil {
		return "binary " + hex.EncodeToString(m.Binary)
	}
	return string(m.Text)
}

func expect(t testing.TB, who string, s *live.Session, want ...string) {
	t.Helper()
	got := heard(t, s)
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s, message %d:\n got %s\nwant %s", who, i, g, w)
		}
	}
}

// tale makes the frames of a job in the publisher's order.
type tale struct {
	job, client string
	attempt     int
	seq         int
}

func (j *tale) frame(kind, data string) settee.Frame {
	return settee.Frame{JobID: "id-" + j.job, PromptID: j.job, ClientID: j.client, Attempt: max(j.attempt, 1),
		Type: kind, Data: json.RawMessage(data)}
}

func (j *tale) durable(kind, data string) settee.Frame {
	f := j.frame(kind, data)
	j.seq++
	f.Seq = j.seq
	return f
}

func (j *tale) start() settee.Frame {
	return j.durable("execution_start", `{"prompt_id":"`+j.job+`","timestamp":1}`)
}

func (j *tale) cached() settee.Frame {
	return j.durable("execution_cached", `{"nodes":[],"prompt_id":"`+j.job+`","timestamp":2}`)
}

func (j *tale) state(node string) settee.Frame {
	return j.frame("progress_state", `{"prompt_id":"`+j.job+`","nodes":{"`+node+`":{"value":0.0,"max":1.0,"state":"running"}}}`)
}

func (j *tale) executing(node string) settee.Frame {
	return j.frame("executing", `{"node":"`+node+`","display_node":"`+node+`","prompt_id":"`+j.job+`"}`)
}

func (j *tale) progress(value int) settee.Frame {
	return j.frame("progress", fmt.Sprintf(`{"value":%d,"max":20,"prompt_id":"%s","node":"3"}`, value, j.job))
}

func (j *tale) executed(node string) settee.Frame {
	return j.durable("executed", `{"node":"`+node+`","display_node":"`+node+`","output":{"images":[{"filename":"a_00001_.png","subfolder":"","type":"output"}]},"prompt_id":"`+j.job+`"}`)
}

func (j *tale) success() settee.Frame {
	f := j.durable("execution_success", `{"prompt_id":"`+j.job+`","timestamp":9}`)
	f.Ended = true
	return f
}

func (j *tale) closing() settee.Frame {
	return j.frame("executing", `{"node":null,"prompt_id":"`+j.job+`"}`)
}

func status(n int) settee.Frame {
	return settee.Frame{Type: "status", Data: json.RawMessage(fmt.Sprintf(`{"status":{"exec_info":{"queue_remaining":%d}}}`, n))}
}

// texts are frames as sockets get them.
func texts(frames ...settee.Frame) []string {
	all := make([]string, len(frames))
	for i, f := range frames {
		all[i] = `{"type":"` + f.Type + `","data":` + string(f.Data) + `}`
		if f.Binary != nil {
			all[i] = "binary " + hex.EncodeToString(f.Binary)
		}
	}
	return all
}

func greeting(n int, sid string) string {
	return fmt.Sprintf(`{"type":"status","data":{"status":{"exec_info":{"queue_remaining":%d}},"sid":"%s"}}`, n, sid)
}

const (
	editorFlags = `{"type":"feature_flags","data":{"supports_preview_metadata":true,"supports_manager_v4_ui":true}}`
	plainFlags  = `{"type":"feature_flags","data":{"supports_preview_metadata":true}}`
	flagsAnswer = `{"type":"feature_flags","data":{"supports_preview_metadata":true,"max_upload_size":104857600}}`
)
