package comfyui_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// given is a job that an engine was given, with a sink of its own.
type given struct {
	engine.Job
	sink *memory
	stop context.CancelFunc
	done chan error
}

func (b *bench) give(j engine.Job) *given {
	ctx, stop := context.WithCancel(context.Background())
	b.Cleanup(stop)
	g := &given{Job: j, sink: newMemory("client-1"), stop: stop, done: make(chan error, 1)}
	go func() { g.done <- b.engine.Run(ctx, j, g.sink) }()
	return g
}

// gate is a graph that runs until the gate of that name is opened.
func gate(name string) engine.Job {
	return job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "`+name+`"}}}`, "1")
}

// two has one job run and another wait behind it in ComfyUI's queue.
func (b *bench) two() (first, second *given) {
	b.Helper()
	first = b.give(gate("1"))
	b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
	second = b.give(gate("2"))
	b.posted(2)
	return first, second
}

func deep(o *comfyui.Options) { o.Depth = 2 }

// The second job's prompt is in ComfyUI's queue before the first has ended, and is
// quiet until then.
func TestSecondPromptWaitsInTheQueue(t *testing.T) {
	for _, newer := range []bool{false, true} {
		b := setUp(t, deep)
		b.server.Fail(comfyuitest.Faults{Newer: newer})
		first, second := b.two()
		if k := second.sink.kinds(); len(k) > 0 {
			t.Errorf("told %q of a prompt that waits", k)
		}
		b.server.Release("1")
		if err := b.result(first.done); err != nil {
			t.Error(err)
		}
		b.until("the second runs", func() bool { return second.sink.count("executing") > 0 })
		b.server.Release("2")
		if err := b.result(second.done); err != nil {
			t.Error(err)
		}
		if l := b.server.Log(); len(l.Prompts) != 2 || len(l.Interrupted)+len(l.Deleted) > 0 {
			t.Errorf("%d prompts, interrupted %q, deleted %q", len(l.Prompts), l.Interrupted, l.Deleted)
		}
	}
}

// An old server interrupts whatever runs: there the second job's files are brought
// while the first runs, and its prompt afterwards.
func TestSecondJobIsStagedWhileTheFirstRuns(t *testing.T) {
	b := setUp(t, deep)
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"GET /system_stats": slices.Repeat(
		[]comfyuitest.Answer{{Status: 200, Body: `{"system": {"comfyui_version": "0.3.40"}, "devices": []}`}}, 9)}})
	first := b.give(gate("1"))
	b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
	load := func(name, content string) *given {
		sink := b.sink
		b.sink = newMemory("client-1")
		defer func() { b.sink = sink }()
		j, kept := b.loadJob(name, content), b.sink
		ctx, stop := context.WithCancel(context.Background())
		g := &given{Job: j, sink: kept, stop: stop, done: make(chan error, 1)}
		go func() { g.done <- b.engine.Run(ctx, j, kept) }()
		return g
	}
	dropped := load("a.png", "a")
	b.until("the first upload", func() bool { return len(b.server.Log().Uploaded) == 1 })
	dropped.stop()
	b.result(dropped.done)
	second := load("b.png", "b")
	b.until("the second upload", func() bool { return len(b.server.Log().Uploaded) == 2 })
	if l := b.server.Log(); len(l.Prompts) != 1 || len(l.Interrupted)+len(l.Deleted) > 0 {
		t.Errorf("%d prompts, interrupted %q, deleted %q", len(l.Prompts), l.Interrupted, l.Deleted)
	}
	b.server.Release("1")
	for _, g := range []*given{first, second} {
		if err := b.result(g.done); err != nil {
			t.Error(err)
		}
	}
	if n := len(second.sink.files); n != 1 {
		t.Errorf("%d files", n)
	}
}

// Cancelling the one that runs, however late ComfyUI obeys, is no matter to the
// one that waits.
func TestCancelTheFirstOfTwo(t *testing.T) {
	for _, f := range []comfyuitest.Faults{{}, {LoseInterrupts: 3}, {Newer: true}, {Newer: true, LoseInterrupts: 3}} {
		b := setUp(t, deep)
		b.server.Fail(f)
		first, second := b.two()
		first.stop()
		if _, ok := errors.AsType[*engine.Interrupted](b.result(first.done)); !ok {
			t.Error("the first was not interrupted")
		}
		b.until("the second runs", func() bool { return second.sink.count("executing") > 0 })
		b.server.Release("2")
		if err := b.result(second.done); err != nil {
			t.Errorf("the second: %v", err)
		}
		if l := b.server.Log(); !slices.Equal(l.Interrupted, []string{first.ID}) || len(l.Deleted) > 0 {
			t.Errorf("%+v: interrupted %q, deleted %q", f, l.Interrupted, l.Deleted)
		}
	}
}

// Cancelling the one that waits takes it out of the queue; the one that runs goes
// on.
func TestCancelTheSecondOfTwo(t *testing.T) {
	for _, f := range []comfyuitest.Faults{{}, {Newer: true}} {
		b := setUp(t, deep)
		b.server.Fail(f)
		first, second := b.two()
		second.stop()
		if _, ok := errors.AsType[*engine.Interrupted](b.result(second.done)); !ok {
			t.Error("the second was not interrupted")
		}
		if k := second.sink.kinds(); len(k) > 0 {
			t.Errorf("told %q of a prompt that never ran", k)
		}
		b.server.Release("1")
		if err := b.result(first.done); err != nil {
			t.Errorf("the first: %v", err)
		}
		if l := b.server.Log(); !slices.Equal(l.Deleted, []string{second.ID}) || len(l.Interrupted) > 0 {
			t.Errorf("%+v: interrupted %q, deleted %q", f, l.Interrupted, l.Deleted)
		}
	}
}

// Whenever a cancel comes while one prompt follows the other, it meets the one it
// is meant for and nothing else.
func TestCancelBetweenTwo(t *testing.T) {
	for _, f := range []comfyuitest.Faults{{}, {Newer: true}} {
		for _, which := range []int{0, 1} {
			b := setUp(t, deep)
			b.server.Fail(f)
			first, second := b.two()
			two := []*given{first, second}
			go b.server.Release("1")
			go two[which].stop()
			ended := 0
			b.until("the end of both", func() bool {
				b.server.Release("2")
				for i, g := range two {
					select {
					case err := <-g.done:
						if _, cut := errors.AsType[*engine.Interrupted](err); err != nil && (!cut || i != which) {
							t.Errorf("cancel %d: job %d: %v", which, i, err)
						}
						ended++
					default:
					}
				}
				return ended == 2
			})
			for _, id := range append(b.server.Log().Interrupted, b.server.Log().Deleted...) {
				if id != two[which].ID {
					t.Errorf("cancel %d hit the other", which)
				}
			}
		}
	}
}

// When the process ends, both are lost, and the one that waited has told nothing.
func TestProcessEndsWithTwoPrompts(t *testing.T) {
	p := &supervised{}
	b := setUp(t, func(o *comfyui.Options) { deep(o); o.Process = p })
	p.server = b.server
	first, second := b.two()
	if err := p.Restart(t.Context(), "it died"); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*given{first, second} {
		if err := b.result(g.done); !errors.Is(err, comfyui.ErrLost) {
			t.Errorf("%v", err)
		}
	}
	if k := second.sink.kinds(); len(k) > 0 {
		t.Errorf("told %q of a prompt that never ran", k)
	}
}

// A job that is out of memory has its second try while the other waits: in a new
// process, which does not know the other, or in the same one.
func TestOutOfMemoryWithTwoPrompts(t *testing.T) {
	for _, ours := range []bool{true, false} {
		p := &supervised{}
		b := setUp(t, func(o *comfyui.Options) {
			if deep(o); ours {
				o.Process = p
			}
		})
		p.server = b.server
		first := b.give(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "1"}}, "2": {"class_type": "FakeRaise",
			"inputs": {"kind": "torch.OutOfMemoryError", "text": "Allocation on device", "times": 1}}}`, "1", "2"))
		b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
		second := b.give(gate("2"))
		b.posted(2)
		b.server.Release("1")
		if ours {
			if err := b.result(second.done); !errors.Is(err, comfyui.ErrLost) {
				t.Errorf("the second: %v", err)
			}
		} else {
			b.until("the second runs", func() bool { return second.sink.count("executing") > 0 })
			b.server.Release("2")
			if err := b.result(second.done); err != nil {
				t.Errorf("the second: %v", err)
			}
		}
		var err error
		b.until("the first's end", func() bool {
			b.server.Release("1") // it waits again
			select {
			case err = <-first.done:
				return true
			default:
				return false
			}
		})
		if _, failed := errors.AsType[*engine.Failure](err); failed != ours { // it fails once in each process
			t.Errorf("the first: %v", err)
		}
		if n := len(b.server.Log().Prompts); n != 3 {
			t.Errorf("%d prompts", n)
		}
	}
}

// A ComfyUI that answers nothing for a while, as a node may bring about, is not
// restarted because the one that waits is to go: the other runs on.
func TestGivingUpTheSecondSparesTheProcess(t *testing.T) {
	p := &supervised{}
	b := setUp(t, func(o *comfyui.Options) {
		deep(o)
		o.Process, o.Poll, o.Call, o.Grace, o.Patience = p, time.Minute, time.Second, 500*time.Millisecond, 4*time.Second
	})
	p.server = b.server
	first, second := b.two()
	hang := slices.Repeat([]comfyuitest.Answer{{Hang: true}}, 100)
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"GET /queue": hang, "POST /queue": hang, "GET /history": hang}})
	second.stop()
	if _, ok := errors.AsType[*engine.Interrupted](b.result(second.done)); !ok {
		t.Error("the second was not interrupted")
	}
	b.server.Fail(comfyuitest.Faults{})
	b.server.Release("1")
	if err := b.result(first.done); err != nil {
		t.Errorf("the first: %v", err)
	}
	same(t, "restarts", p.why, nil)
	last := b.give(plainJob())
	if err := b.result(last.done); err != nil {
		t.Errorf("the next: %v", err)
	}
	if l := b.server.Log(); !slices.Equal(append(l.Deleted, l.Interrupted...), []string{second.ID}) {
		t.Errorf("deleted %q, interrupted %q", l.Deleted, l.Interrupted)
	}
}

// A job that waited for its turn while the process was replaced is not posted to
// the new one, which has none of its files.
func TestProcessEndsWhileAJobWaitsForItsTurn(t *testing.T) {
	p := &supervised{}
	b := setUp(t, func(o *comfyui.Options) { deep(o); o.Process = p })
	p.server = b.server
	old := slices.Repeat([]comfyuitest.Answer{{Status: 200, Body: `{"system": {"comfyui_version": "0.3.40"}, "devices": []}`}}, 9)
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"GET /system_stats": old}})
	first := b.give(gate("1"))
	b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
	second := b.give(gate("2"))
	b.until("the second's socket", func() bool { return b.server.Log().Sockets == 2 })
	if err := p.Restart(t.Context(), "it died"); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*given{first, second} {
		if err := b.result(g.done); !errors.Is(err, comfyui.ErrLost) && !errors.Is(err, comfyui.ErrUnreachable) {
			t.Errorf("%v", err)
		}
	}
	if n := len(b.server.Log().Prompts); n != 1 || !b.server.Idle() {
		t.Errorf("%d prompts", n)
	}
}
