package comfyui_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// A ComfyUI of 2026 brings the same: its asset database is its own affair.
func TestNewerComfyUI(t *testing.T) {
	newer := comfyuitest.Faults{Newer: true}
	b := setUp(t, nil)
	b.server.Fail(newer)
	b.mustRun(b.loadJob("cat.png", "pixels"))
	for i, f := range []comfyuitest.Faults{newer, newer, {Newer: true, DropSocket: 8}} {
		b.sink.begin("client-1")
		j := plainJob()
		j.ID = uuid.NewString()
		b.server.Fail(f)
		b.mustRun(j)
		want := `{"images":[{"filename":"cat_00001_.png","subfolder":"a","type":"output","metadata": {"kind": "image"}}]}`
		if have := string(b.sink.outputs["2"]); have != want {
			t.Errorf("run %d: %s, not %s", i, have, want)
		}
		if n := b.sink.count("executed"); n != 3 {
			t.Errorf("run %d: executed came %d times", i, n)
		}
	}
	b.server.Fail(newer)
	b.sink.begin("client-1")
	_, failed := errors.AsType[*engine.Failure](b.run(job(`{"7": {"class_type": "FakeRaise", "inputs": {"kind": "ValueError", "text": "no"}}}`, "7")))
	if !failed || strings.Contains(b.sink.everything(), "preview_id") {
		t.Errorf("failed %v; %s", failed, b.sink.everything())
	}
	if err := b.run(job(`{"1": {"class_type": "FakeRaise", "inputs": {"kind": "OSError", "text": "[Errno 28] No space left on device"}}}`, "1")); !errors.Is(err, comfyui.ErrFull) {
		t.Errorf("%v", err)
	}
}
