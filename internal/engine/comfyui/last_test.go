package comfyui_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// patient is a sink that names what is told last when the run has returned.
type patient struct {
	*memory
	log   []string
	waits []func() error
	told  func()             // called with an output that is told at once; may be nil
	event func(settee.Event) // called with each event; may be nil
}

func (p *patient) Event(ctx context.Context, e settee.Event) error {
	if p.event != nil {
		p.event(e)
	}
	return p.memory.Event(ctx, e)
}

func (p *patient) Last(ctx context.Context, x engine.Executed, named func(json.RawMessage)) error {
	p.log = append(p.log, "last "+x.Node)
	p.waits = append(p.waits, func() error { return p.memory.Last(ctx, x, named) })
	return nil
}

func (p *patient) Executed(ctx context.Context, x engine.Executed) (json.RawMessage, error) {
	if err := p.settle(); err != nil {
		return nil, err
	}
	p.log = append(p.log, "executed "+x.Node)
	if p.told != nil {
		p.told()
	}
	return p.memory.Executed(ctx, x)
}

func (p *patient) settle() error {
	for _, name := range p.waits {
		if err := name(); err != nil {
			return err
		}
	}
	p.waits = nil
	return nil
}

// The last output is told as that, for its end comes at once; the next run that finds
// it cached shows the same names. Twins show one file, whether they were asked for or
// not.
func TestTheLastOutput(t *testing.T) {
	const image = `{"1": {"class_type": "EmptyImage", "inputs": {"width": 2, "height": 2}}`
	save := func(node, prefix string) string {
		return fmt.Sprintf(`, %q: {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": %q}}`, node, prefix)
	}
	for what, c := range map[string]struct {
		job   engine.Job
		first string
		again string
		names int
	}{
		"one":   {job(image+save("2", "cat")+`}`, "2"), "last 2", "executed 2", 1},
		"two":   {job(image+save("2", "cat")+save("3", "dog")+`}`, "2", "3"), "executed 2, last 3", "executed 2, executed 3", 2},
		"twins": {job(image+save("2", "cat")+save("3", "cat")+`}`, "2", "3"), "executed 2, executed 3", "executed 2, executed 3", 1},
		"twins and another": {job(image+save("2", "cat")+save("3", "cat")+save("4", "dog")+`}`, "2", "3", "4"),
			"executed 2, executed 3, last 4", "executed 2, executed 3, executed 4", 2},
		"a twin that was not asked for": {job(image+save("2", "cat")+save("3", "cat")+`}`, "2"), "executed 2, executed 3", "executed 2, executed 3", 1},
	} {
		t.Run(what, func(t *testing.T) {
			b := setUp(t, func(o *comfyui.Options) { o.Ending, o.Poll = time.Minute, time.Minute })
			if what == "a twin that was not asked for" {
				ui := `{"images": [{"filename": "cat_00001_.png", "subfolder": "", "type": "output"}]}`
				b.server.Run(func(y *comfyuitest.Play) {
					y.Say("execution_start", "")
					if y.Number == 1 {
						b.server.Write(comfyuitest.File{Type: "output", Filename: "cat_00001_.png"}, []byte("cat"))
						y.Say("execution_cached", `, "nodes": []`)
						y.Send("executing", `{"node": "2", "display_node": "2", "prompt_id": "`+y.ID()+`"}`)
					} else {
						y.Say("execution_cached", `, "nodes": ["1", "2", "3"]`)
					}
					y.Show("2", ui, "2")
					y.Show("3", ui, "2") // ComfyUI's history has it, for its inputs are the same
					y.Say("execution_success", "")
				})
			}
			var outputs []string
			for i, want := range []string{c.first, c.again} {
				p := &patient{memory: b.sink}
				j := job(string(c.job.Graph), c.job.Outputs...)
				if err := b.engine.Run(t.Context(), j, p); err != nil {
					t.Fatal(err)
				}
				if err := p.settle(); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(p.log, ", "); got != want {
					t.Errorf("run %d told %s, want %s", i+1, got, want)
				}
				outputs = append(outputs, fmt.Sprintf("%s", b.sink.outputs))
				if n := len(b.sink.files); n != c.names {
					t.Errorf("run %d: %d names, want %d", i+1, n, c.names)
				}
				b.sink.begin("client-1")
			}
			if outputs[0] != outputs[1] {
				t.Errorf("shown as\n%s\nand then as\n%s", outputs[0], outputs[1])
			}
		})
	}
}
