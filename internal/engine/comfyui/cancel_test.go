package comfyui_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
)

const waiting = `{"1": {"class_type": "FakeWait", "inputs": {"name": "w"}}}`

// start runs a job until a frame comes; the result is in the channel later.
func (b *bench) start(j engine.Job, came <-chan struct{}) (cancel func(), result <-chan error) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.engine.Run(ctx, j, b.sink) }()
	if came != nil {
		within(b, came, "the frame")
	}
	return stop, done
}

func (b *bench) result(done <-chan error) error {
	b.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(late):
		b.Fatal("the run does not end")
		return nil
	}
}

// foreign posts a prompt of somebody else's and waits until ComfyUI has it.
func (b *bench) foreign(id, graph string) {
	b.Helper()
	resp, err := http.Post(b.server.URL+"/prompt", "application/json", bytes.NewReader([]byte(`{"prompt_id": "`+id+`", "client_id": "stranger", "prompt": `+graph+`}`)))
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(err, resp)
	}
	resp.Body.Close()
}

func TestCancelWhileRunning(t *testing.T) {
	for _, f := range []comfyuitest.Faults{{}, {LoseInterrupts: 3}, {Newer: true}, {Newer: true, LoseInterrupts: 2}, {LoseInterrupts: 8}} {
		b := setUp(t, nil)
		b.server.Fail(f)
		j := job(waiting, "1")
		cancel, done := b.start(j, b.sink.until(executing("1")))
		cancel()
		halt, ok := errors.AsType[*engine.Interrupted](b.result(done))
		if !ok || halt.Event.Type != settee.EventInterrupted {
			t.Fatalf("%+v: %v", f, halt)
		}
		same(t, "ending", []string{times.ReplaceAllString(plain(pyjson.Of(string(halt.Event.Data))), "")},
			[]string{"{executed:[] node_id:'1' node_type:'FakeWait' prompt_id:'client-1' }"})
		if l := b.server.Log(); !slices.Equal(l.Interrupted, []string{j.ID}) || !b.server.Idle() {
			t.Errorf("%+v: interrupted %q", f, l.Interrupted)
		}
	}
}

// A job that waits behind somebody else's prompt is taken out of the queue; the
// other prompt goes on.
func TestCancelWhilePending(t *testing.T) {
	b := setUp(t, nil)
	b.foreign("theirs", `{"1": {"class_type": "FakeWait", "inputs": {"name": "theirs"}}}`)
	j := job(waiting, "1")
	cancel, done := b.start(j, nil)
	b.posted(2)
	cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.result(done)); !ok {
		t.Error("not interrupted")
	}
	l := b.server.Log()
	if !slices.Equal(l.Deleted, []string{j.ID}) || len(l.Interrupted) > 0 || b.server.Idle() {
		t.Errorf("deleted %q, interrupted %q", l.Deleted, l.Interrupted)
	}
	if k := b.sink.kinds(); len(k) > 0 {
		t.Errorf("frames %q of a job that never ran", k)
	}
	b.server.Release("theirs")
}

// posted waits until the server has accepted n prompts.
func (b *bench) posted(n int) {
	b.Helper()
	b.until("the prompt", func() bool { return len(b.server.Log().Prompts) >= n })
}

func (b *bench) until(what string, came func() bool) {
	b.Helper()
	limit := time.NewTimer(late)
	tick := time.NewTicker(5 * time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !came() {
		select {
		case <-limit.C:
			b.Fatalf("%s does not come", what)
		case <-tick.C:
		}
	}
}

// Somebody else's frames, text and pictures are not ours.
func TestForeignPromptsAreNotConfused(t *testing.T) {
	b := setUp(t, nil)
	b.foreign("theirs", `{"1": {"class_type": "FakeProgress", "inputs": {"steps": 3}}, "2": {"class_type": "FakeText", "inputs": {"text": "secret"}}}`)
	b.mustRun(plainJob())
	b.whole()
	same(t, "frames", b.sink.kinds(), plainKinds)
	for _, id := range b.server.Log().Forgotten {
		if id == "theirs" {
			t.Error("their history was deleted")
		}
	}
}

// An interrupt that somebody else sent is not the job's ending.
func TestInterruptedByAStranger(t *testing.T) {
	b := setUp(t, nil)
	_, done := b.start(job(waiting, "1"), b.sink.until(executing("1")))
	resp, err := http.Post(b.server.URL+"/interrupt", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := b.result(done); !errors.Is(err, comfyui.ErrStopped) {
		t.Errorf("%v", err)
	}
}

// A node that does not yield is left; the next job waits until it has ended.
func TestStubbornNode(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { o.Abandon = 500 * time.Millisecond })
	cancel, done := b.start(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "w", "stubborn": true}}}`, "1"), b.sink.until(executing("1")))
	cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.result(done)); !ok || b.server.Idle() {
		t.Fatal("it did not give up")
	}
	b.sink.begin("client-1")
	_, done = b.start(plainJob(), nil)
	if n := len(b.server.Log().Prompts); n != 1 {
		t.Errorf("the next prompt was posted beside a stuck one")
	}
	b.server.Release("w")
	if err := b.result(done); err != nil {
		t.Fatal(err)
	}
	b.whole()
}

// A job that was done before the cancel came has succeeded.
func TestCancelTooLate(t *testing.T) {
	b := setUp(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	b.sink.hear = func(frame) {
		if n++; n == len(plainKinds) {
			cancel()
		}
	}
	if err := b.engine.Run(ctx, plainJob(), b.sink); err != nil {
		t.Fatal(err)
	}
	b.whole()
}

func TestCancelledBeforeItBegan(t *testing.T) {
	b := setUp(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.engine.Run(ctx, plainJob(), b.sink)); !ok {
		t.Error("not interrupted")
	}
	if n := len(b.server.Log().Prompts); n > 0 {
		t.Error("it was posted")
	}
}

// supervised is a process that a test drives.
type supervised struct {
	comfyui.Process
	server  *comfyuitest.Server
	mu      sync.Mutex
	epoch   int
	why     []string
	folders comfyui.Folders
}

func (s *supervised) URL() string                 { return s.server.URL }
func (s *supervised) Epoch() int                  { s.mu.Lock(); defer s.mu.Unlock(); return s.epoch }
func (s *supervised) Alive() bool                 { return true }
func (s *supervised) Ready(context.Context) error { return nil }
func (s *supervised) Folders() comfyui.Folders    { return s.folders }
func (s *supervised) Restart(_ context.Context, why string) error {
	s.mu.Lock()
	s.why = append(s.why, why)
	s.epoch++
	s.mu.Unlock()
	s.server.Restart()
	return nil
}

func TestStubbornNodeOfOurOwnProcessIsRestarted(t *testing.T) {
	var p *supervised
	b := setUp(t, func(o *comfyui.Options) {
		p = &supervised{}
		o.Process, o.Grace = p, 300*time.Millisecond
	})
	p.server = b.server
	cancel, done := b.start(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "w", "stubborn": true}}}`, "1"), b.sink.until(executing("1")))
	cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.result(done)); !ok {
		t.Error("not interrupted")
	}
	same(t, "restarts", p.why, []string{"a prompt did not stop"})
	b.sink.begin("client-1")
	b.mustRun(plainJob())
	b.whole()
}

func TestDeviceFaultRestartsOurOwnProcess(t *testing.T) {
	var p *supervised
	b := setUp(t, func(o *comfyui.Options) {
		p = &supervised{}
		o.Process = p
	})
	p.server = b.server
	err := b.run(job(`{"1": {"class_type": "FakeRaise", "inputs": {"kind": "torch.AcceleratorError", "text": "CUDA error: device-side assert triggered"}}}`, "1"))
	if !errors.Is(err, comfyui.ErrFault) {
		t.Errorf("%v", err)
	}
	b.sink.begin("client-1")
	b.mustRun(plainJob())
	same(t, "restarts", p.why, []string{"device fault"})
}
