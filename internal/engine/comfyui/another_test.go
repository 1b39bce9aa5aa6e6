package comfyui_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// asks counts how often a server was asked for its version.
type asks struct{ n atomic.Int32 }

func (a *asks) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/system_stats") {
		a.n.Add(1)
	}
	return resp, err
}

// Behind the URL of a ComfyUI that is only attached another version may be started:
// an older one gets one prompt at a time, for it cannot cancel one of two exactly,
// and a newer one two again.
func TestAnotherComfyUIBehindTheSameURL(t *testing.T) {
	a := &asks{}
	b := setUp(t, func(o *comfyui.Options) { deep(o); o.HTTP = &http.Client{Transport: a} })
	plain := func() { // on whatever socket was left
		t.Helper()
		if err := b.result(b.give(plainJob()).done); err != nil {
			t.Fatal(err)
		}
	}
	plain()

	b.server.Restart()
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"GET /system_stats": slices.Repeat(
		[]comfyuitest.Answer{{Status: 200, Body: `{"system": {"comfyui_version": "0.3.40"}, "devices": []}`}}, 9)}})
	plain()
	first := b.give(gate("1"))
	b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
	before := a.n.Load()
	second := b.give(gate("2"))
	b.until("the question", func() bool { return a.n.Load() > before })
	if n := len(b.server.Log().Prompts); n != 3 {
		t.Errorf("%d prompts were sent", n)
	}
	b.server.Release("1")
	b.until("the second runs", func() bool { return second.sink.count("executing") > 0 })
	b.server.Release("2")
	for _, g := range []*given{first, second} {
		if err := b.result(g.done); err != nil {
			t.Error(err)
		}
	}

	b.server.Restart()
	b.server.Fail(comfyuitest.Faults{Newer: true})
	plain()
	first = b.give(gate("1"))
	b.until("the first runs", func() bool { return first.sink.count("executing") > 0 })
	second = b.give(gate("2"))
	b.posted(7)
	first.stop()
	b.result(first.done)
	b.until("the second runs", func() bool { return second.sink.count("executing") > 0 })
	b.server.Release("2")
	if err := b.result(second.done); err != nil {
		t.Error(err)
	}
}
