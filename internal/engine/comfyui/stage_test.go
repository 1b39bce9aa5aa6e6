package comfyui_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
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

// A job that ComfyUI refuses has its inputs brought again. Those that another job
// uses stay then as long as both use them.
func TestInputsInUseStayWhenTheyAreBroughtAgain(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { deep(o); o.Staged = 1 })
	load := func(gate string, pictures ...string) engine.Job {
		graph, outputs := `{"1": {"class_type": "FakeWait", "inputs": {"name": "`+gate+`"}}`, []string{"1"}
		var inputs []settee.JobInput
		for i, name := range pictures {
			node, shown := fmt.Sprint(10+i), fmt.Sprint(20+i)
			graph += `, "` + node + `": {"class_type": "LoadImage", "inputs": {"image": "` + name + `"}},
				"` + shown + `": {"class_type": "PreviewImage", "inputs": {"images": ["` + node + `", 0]}}`
			outputs, inputs = append(outputs, shown), append(inputs, b.sink.input(node, "image", name, "pixels of "+name))
		}
		j := job(graph+`}`, outputs...)
		j.Inputs = inputs
		return j
	}
	size := func(j engine.Job, i int) int64 {
		return b.server.Size(comfyuitest.File{Type: "input", Filename: j.Inputs[i].Hash[:12] + "-" + j.Inputs[i].Reference})
	}
	give := func(j engine.Job) chan error {
		done := make(chan error, 1)
		go func() { done <- b.engine.Run(context.Background(), j, b.sink) }()
		return done
	}
	one := load("1", "both.png", "first.png")
	first := give(one)
	b.posted(1)
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /prompt": {{Status: 400, Body: "{}"}}}})
	two := load("2", "second.png", "both.png")
	second := give(two)
	b.posted(2)
	b.server.Release("1")
	if err := b.result(first); err != nil {
		t.Error(err)
	}
	b.until("what nobody uses is emptied", func() bool { return size(one, 1) == 0 })
	b.server.Release("2")
	if err := b.result(second); err != nil {
		t.Error(err)
	}
	b.engine.Close()
	if size(two, 1) == 0 {
		t.Error("a file was emptied under the job that used it")
	}
}
