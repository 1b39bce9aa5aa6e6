package comfyui_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// lookups counts how often a prompt's history is asked for.
type lookups struct {
	http.RoundTripper
	n atomic.Int32
}

func (l *lookups) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/history/") {
		l.n.Add(1)
	}
	return l.RoundTripper.RoundTrip(r)
}

// pictureProgram is a prompt that makes a picture in node 2; it waits before and after.
func (b *bench) pictureProgram(before, after <-chan struct{}) {
	b.pictureProgramOf("2", before, after)
}

func (b *bench) pictureProgramOf(node string, before, after <-chan struct{}) {
	b.server.Run(func(y *comfyuitest.Play) {
		b.server.Write(comfyuitest.File{Type: "output", Filename: "cat_00001_.png"}, []byte("cat"))
		y.Say("execution_start", "")
		y.Say("execution_cached", `, "nodes": []`)
		y.Send("executing", `{"node": "`+node+`", "display_node": "`+node+`", "prompt_id": "`+y.ID()+`"}`)
		<-before
		y.Show(node, `{"images": [{"filename": "cat_00001_.png", "subfolder": "", "type": "output"}]}`, node)
		select {
		case <-after:
		case <-y.Stopped():
		}
		y.Say("execution_success", "")
	})
}

func pictureJob() engine.Job { return pictureJobOf("2") }

func pictureJobOf(node string) engine.Job {
	return job(`{"`+node+`": {"class_type": "SaveImage", "inputs": {"filename_prefix": "cat"}}}`, node)
}

// The history of a prompt whose frames have told all is not asked for.
func TestAPlainPromptIsNotLookedUp(t *testing.T) {
	l := &lookups{RoundTripper: http.DefaultTransport.(*http.Transport).Clone()}
	b := setUp(t, func(o *comfyui.Options) {
		o.HTTP, o.Poll, o.Ending = &http.Client{Transport: l}, time.Minute, time.Minute
	})
	began, open := make(chan struct{}), make(chan struct{})
	close(open)
	b.pictureProgram(began, open)
	p := &patient{memory: b.sink, event: func(e settee.Event) {
		if e.Type == settee.EventExecuting {
			close(began)
		}
	}}
	if err := b.engine.Run(t.Context(), pictureJob(), p); err != nil {
		t.Fatal(err)
	}
	if got, n := strings.Join(p.log, ", "), l.n.Load(); got != "last 2" || n > 0 {
		t.Errorf("told %s and asked %d times", got, n)
	}
}

// Where a frame may be missing, or a node was cached, it is, and nothing is lost.
func TestOtherPromptsAreLookedUp(t *testing.T) {
	lose := func(which string) comfyuitest.Faults {
		return comfyuitest.Faults{Lose: func(_ int, kind string) bool { return kind == which }}
	}
	for what, faults := range map[string]comfyuitest.Faults{
		"what was cached was lost": lose(settee.EventCached),
		"an output was lost":       lose(settee.EventExecuted),
		"success was lost":         lose(settee.EventSuccess),
		"a socket broke":           {DropSocket: 6},
	} {
		t.Run(what, func(t *testing.T) {
			l := &lookups{RoundTripper: http.DefaultTransport.(*http.Transport).Clone()}
			b := setUp(t, func(o *comfyui.Options) { o.HTTP = &http.Client{Transport: l} })
			b.server.Fail(faults)
			b.mustRun(plainJob())
			b.whole()
			if l.n.Load() == 0 {
				t.Error("it was not asked for")
			}
			b.server.Fail(comfyuitest.Faults{})
			before := l.n.Load()
			b.sink.begin("client-1")
			b.mustRun(plainJob()) // cached
			b.whole()
			if l.n.Load() == before {
				t.Error("what was cached was not asked for")
			}
		})
	}
}

// A node that is shown long before its prompt ends is told at once, whatever it is
// called.
func TestAnOutputBeforeALateEnd(t *testing.T) {
	for _, node := range []string{"2", "null"} {
		t.Run(node, func(t *testing.T) {
			b := setUp(t, func(o *comfyui.Options) { o.Ending = time.Millisecond })
			heard := make(chan struct{})
			open := make(chan struct{})
			close(open)
			b.pictureProgramOf(node, open, heard)
			p := &patient{memory: b.sink, told: func() { close(heard) }}
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			if err := b.engine.Run(ctx, pictureJobOf(node), p); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.log, ", "); got != "executed "+node {
				t.Errorf("told %s", got)
			}
		})
	}
}
