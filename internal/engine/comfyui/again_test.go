package comfyui_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// interposed is a process where something happens when its folders are looked for.
type interposed struct {
	*supervised
	next atomic.Pointer[func()]
}

func (p *interposed) Folders() comfyui.Folders {
	if f := p.next.Swap(nil); f != nil {
		(*f)()
	}
	return p.supervised.Folders()
}

// A prompt that is equal to the one before it runs while the ending of that one, and
// with it the name of its last output, is still being written down: it finds the file,
// or the name if that comes just then.
func TestTheSameAgainBeforeItsNameIsKnown(t *testing.T) {
	for what, n := range map[string]int{"later": 2, "just then": 1} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			p := &interposed{supervised: &supervised{folders: comfyui.Folders{Output: dir}}}
			b := setUp(t, func(o *comfyui.Options) { o.Process, o.Ending = p, time.Minute })
			p.server = b.server
			b.server.Run(func(y *comfyuitest.Play) {
				y.Say("execution_start", "")
				if y.Number == 1 {
					if err := os.WriteFile(filepath.Join(dir, "cat_00001_.png"), []byte("cat"), 0o600); err != nil {
						t.Error(err)
					}
					y.Say("execution_cached", `, "nodes": []`)
					y.Send("executing", `{"node": "2", "display_node": "2", "prompt_id": "`+y.ID()+`"}`)
				} else {
					y.Say("execution_cached", `, "nodes": ["2"]`)
				}
				y.Show("2", `{"images": [{"filename": "cat_00001_.png", "subfolder": "", "type": "output"}]}`, "2")
				y.Say("execution_success", "")
			})
			first := &patient{memory: b.sink}
			if err := b.engine.Run(t.Context(), pictureJob(), first); err != nil {
				t.Fatal(err)
			}
			name := func() {
				if err := first.settle(); err != nil {
					t.Error(err)
				}
				b.until("the file is removed", func() bool { return len(names(t, dir)) == 0 })
			}
			second := &patient{memory: b.sink, event: func(e settee.Event) {
				if e.Type == settee.EventCached && n == 1 {
					p.next.Store(&name)
				}
			}}
			if err := b.engine.Run(t.Context(), pictureJob(), second); err != nil {
				t.Fatal(err)
			}
			if err := second.settle(); err != nil {
				t.Fatal(err)
			}
			name()
			if got := len(b.sink.files); got != n {
				t.Errorf("%d names, want %d", got, n)
			}
			b.mustRun(pictureJob())
			if got := len(b.sink.files); got != n {
				t.Errorf("then %d names, want %d", got, n)
			}
		})
	}
}
