package comfyui_test

import (
	"testing"

	"github.com/settee/settee/internal/engine/comfyui"
)

// Of two jobs the second one's files are there while the first runs, and its
// prompt only afterwards: to cancel it, nothing in ComfyUI is touched.
func TestSecondJobIsStagedWhileTheFirstRuns(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { o.Depth = 2 })
	first := b.sink
	_, running := b.start(job(waiting, "1"), first.until(executing("1")))
	b.sink = newMemory("client-1")
	cancel, cancelled := b.start(b.loadJob("a.png", "a"), nil)
	b.until("the first upload", func() bool { return len(b.server.Log().Uploaded) == 1 })
	cancel()
	b.result(cancelled)
	_, second := b.start(b.loadJob("b.png", "b"), nil)
	b.until("the second upload", func() bool { return len(b.server.Log().Uploaded) == 2 })
	if l := b.server.Log(); len(l.Prompts) != 1 || len(l.Interrupted)+len(l.Deleted) > 0 {
		t.Errorf("%d prompts, interrupted %q, deleted %q", len(l.Prompts), l.Interrupted, l.Deleted)
	}
	b.server.Release("w")
	for _, done := range []<-chan error{running, second} {
		if err := b.result(done); err != nil {
			t.Error(err)
		}
	}
	if n := len(b.sink.files); n != 1 {
		t.Errorf("%d files", n)
	}
}
