package comfyui_test

import (
	"fmt"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// Inputs that no job uses do not pile up: over HTTP they are emptied, for they
// cannot be removed, and are brought again when they are wanted.
func TestStagedInputsAreBounded(t *testing.T) {
	for name, change := range map[string]func(*comfyui.Options){
		"in number": func(o *comfyui.Options) { o.Staged = 2 },
		"in bytes":  func(o *comfyui.Options) { o.Shelf = 2 * int64(len("pixels of 0.png")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, change)
			var files []comfyuitest.File
			run := func(i int) {
				name := fmt.Sprintf("%d.png", i)
				j := b.loadJob(name, "pixels of "+name)
				files = append(files, comfyuitest.File{Type: "input", Filename: j.Inputs[0].Hash[:12] + "-" + name})
				b.sink.begin("client-1")
				b.mustRun(j)
			}
			for i := range 5 {
				run(i)
			}
			b.engine.Close()
			for i, f := range files {
				if empty := b.server.Size(f) == 0; empty != (i < 3) {
					t.Errorf("file %d has %d bytes", i, b.server.Size(f))
				}
			}
			run(0)
			if b.server.Size(files[0]) == 0 {
				t.Error("a file that was emptied was not brought again")
			}
		})
	}
}

// What a job uses stays, however much it is.
func TestInputsInUseStay(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { o.Staged = 1 })
	b.server.Run(func(y *comfyuitest.Play) {
		for _, name := range b.server.Names("input") {
			if b.server.Size(comfyuitest.File{Type: "input", Filename: name}) == 0 {
				t.Errorf("%s was emptied before it was used", name)
			}
		}
		y.Say("execution_start", "")
		y.Say("execution_success", "")
	})
	j := job(`{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}, "2": {"class_type": "LoadImage", "inputs": {"image": "b.png"}},
		"3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}, "4": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}}`, "3", "4")
	j.Inputs = []settee.JobInput{b.sink.input("1", "image", "a.png", "a"), b.sink.input("2", "image", "b.png", "b")}
	b.mustRun(j)
	if n := len(b.server.Names("input")); n != 2 {
		t.Errorf("%d files were staged", n)
	}
}
