package comfyui_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// short is an engine that does not wait for long: for what comes in the end, so
// much longer than it takes that a machine with other things to do is not mistaken
// for a silent one.
func short(o *comfyui.Options) {
	o.Call, o.Stall, o.Patience, o.Abandon = 1500*time.Millisecond, 1500*time.Millisecond, 4*time.Second, 4*time.Second
}

// Wherever all connections fall silent, without an end, the run asks over new
// ones and ends with all that was made.
func TestSilentConnectionsCostNothing(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 18; n += 2 {
		t.Run(fmt.Sprintf("at frame %d", n), func(t *testing.T) {
			t.Parallel()
			b := setUp(t, short)
			b.server.Fail(comfyuitest.Faults{Mute: n})
			b.mustRun(plainJob())
			b.whole()
		})
	}
}

// A server that takes connections and says nothing is the engine's trouble, is
// told in bounded time, and the next run works.
func TestASilentServerIsNotTheJobsFault(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"from the start": true, "while a node runs": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setUp(t, short)
			came := b.sink.until(executing("1"))
			if silent {
				b.server.Mute(true)
				came = nil
			}
			_, done := b.start(job(waiting, "1"), came)
			b.server.Mute(true)
			if err := b.result(done); !errors.Is(err, comfyui.ErrUnreachable) {
				t.Fatalf("%v", err)
			}
			b.server.Fail(comfyuitest.Faults{})
			b.sink.begin("client-1")
			b.mustRun(plainJob()) // the prompt that was left is stopped first
			b.whole()
		})
	}
}

func TestCancelOnASilentServer(t *testing.T) {
	t.Parallel()
	b := setUp(t, short)
	cancel, done := b.start(job(waiting, "1"), b.sink.until(executing("1")))
	b.server.Mute(true)
	cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.result(done)); !ok {
		t.Error("not interrupted")
	}
}

// Calls that are never answered are made again; a prompt is posted once.
func TestCallsThatHang(t *testing.T) {
	t.Parallel()
	hang := comfyuitest.Answer{Hang: true}
	for _, path := range []string{"GET /history", "GET /queue", "GET /view"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setUp(t, short)
			b.server.Fail(comfyuitest.Faults{DropSocket: 8, Answers: map[string][]comfyuitest.Answer{path: {hang}}})
			b.mustRun(plainJob())
			b.whole()
			if n := len(b.server.Log().Prompts); n != 1 {
				t.Errorf("posted %d times", n)
			}
		})
	}
	for _, path := range []string{"POST /prompt", "GET /object_info", "POST /upload/image"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setUp(t, short)
			b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{path: {hang, hang, hang}}})
			err := b.run(b.loadJob("cat.png", "pixels"))
			if _, failed := errors.AsType[*engine.Failure](err); err == nil || failed {
				t.Fatalf("%v", err)
			}
		})
	}
}

// Files may be slow, both ways. A download that stands still goes on where it
// was, an upload is made again.
func TestSlowFiles(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789abcdef", 1<<14) // 256 KiB
	video := job(`{"1": {"class_type": "FakeFile", "inputs": {"key": "video", "name": "v_00001_.mkv", "content": "`+content+`"}}}`, "1")
	arrived := func(b *bench) {
		b.Helper()
		for _, have := range b.sink.files {
			if string(have) != content {
				b.Errorf("%d bytes came", len(have))
			}
		}
		if len(b.sink.files) != 1 {
			b.Error("no file came")
		}
	}
	t.Run("out", func(t *testing.T) {
		t.Parallel()
		b := setUp(t, short)
		b.server.Fail(comfyuitest.Faults{Slow: 30 * time.Millisecond})
		b.mustRun(video)
		arrived(b)
	})
	t.Run("out, and it stands still", func(t *testing.T) {
		t.Parallel()
		b := setUp(t, short)
		b.server.Fail(comfyuitest.Faults{StallView: []int{100_000, 50_000}})
		b.mustRun(video)
		arrived(b)
		if r := b.server.Log().Ranges; !slices.Equal(r, []string{"", "bytes=100000-", "bytes=150000-"}) {
			t.Errorf("asked for %q", r)
		}
	})
	t.Run("in", func(t *testing.T) {
		t.Parallel()
		b := setUp(t, nil)
		b.server.Fail(comfyuitest.Faults{Slow: 10 * time.Millisecond})
		b.mustRun(b.loadJob("cat.png", content))
	})
	t.Run("in, and it stands still", func(t *testing.T) {
		t.Parallel()
		b := setUp(t, short)
		b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /upload/image": {{Hang: true}}}})
		b.mustRun(b.loadJob("cat.png", content))
	})
}

// A full disk is the machine's trouble, whoever finds it out.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	b := setUp(t, nil)
	b.server.Fail(comfyuitest.Faults{DiskFull: true})
	if err := b.run(plainJob()); !errors.Is(err, comfyui.ErrFull) {
		t.Errorf("a node that writes: %v", err)
	}
	b.sink.begin("client-1")
	err := b.run(b.loadJob("cat.png", "pixels"))
	if _, failed := errors.AsType[*engine.Failure](err); err == nil || failed {
		t.Errorf("an upload: %v", err)
	}
	b.server.Fail(comfyuitest.Faults{})
	b.sink.begin("client-1")
	b.mustRun(plainJob())
}

// Describe does not wait for ever either.
func TestDescribeASilentServer(t *testing.T) {
	t.Parallel()
	b := setUp(t, short)
	b.server.Mute(true)
	if _, err := b.engine.Describe(context.Background()); err == nil {
		t.Error("a silent server was described")
	}
}
