package comfyui_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// real is an engine over the server that SETTEE_TEST_COMFYUI names, an
// otherwise idle one.
func real(t *testing.T) (*bench, string) {
	url := os.Getenv("SETTEE_TEST_COMFYUI")
	if url == "" {
		t.Skip("SETTEE_TEST_COMFYUI is not set")
	}
	e := comfyui.New(comfyui.Options{URL: url, Poll: 2 * time.Second})
	t.Cleanup(func() {
		e.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return &bench{T: t, engine: e, sink: newMemory("client-1")}, url
}

// realSkips are recorded cases that need what an engine has no say in.
var realSkips = map[string]string{
	"error-file-removed": "a file that goes after validation",
	"image-set":          "names a folder, not a file",
	"file-annotations":   "files that lay in the output folder",
	"save-counter":       "files that lay in the output folder",
	"queue-order":        "about the queue", "delete-pending": "about the queue", "interrupt-no-model": "stopped by a clock",
	"model-interrupt": "stopped by a clock", "model-delete-pending": "about the queue", "preview-interrupt": "stopped by a clock",
	"node-interrupt": "stopped by a clock", "two-clients": "about the sockets", "reconnect": "about the sockets",
	"preview-no-client-id": "about the sockets", "preview-two-clients": "about the sockets",
	"latents": "its input was not kept", "latents-more": "its input was not kept", "video-load": "its input was not kept",
	"unreachable":    "missing files that nothing needs",
	"input-replaced": "a pin does not change",
}

// Every recorded workflow whose classes the server has ends as recorded, with
// the recorded outputs.
func TestRealRecordedCases(t *testing.T) {
	b, url := real(t)
	d, err := b.engine.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	known := pyjson.Of(string(d.Definitions))
	t.Logf("version %s, devices %s", d.Version, d.Devices)
	for _, c := range recording.Cases(t) {
		missing := slices.IndexFunc(c.Nodes, func(n string) bool { return known.Get(n).Kind == pyjson.Absent })
		if missing >= 0 || realSkips[c.Name] != "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			b := &bench{T: t, engine: b.engine, sink: newMemory("")}
			resp, err := http.Post(url+"/free", "application/json", strings.NewReader(`{"free_memory": true}`))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			account := uuid.NewString() // an empty cache
			for _, u := range comfyuitest.Turns(c) {
				b.realTurn(c, u, account)
			}
		})
	}
}

func (b *bench) realTurn(c recording.Case, u comfyuitest.Turn, account string) {
	prompt := "client-" + u.ID[:4]
	b.sink.begin(prompt)
	j := job(string(u.Prompt.Raw()), u.Outputs...)
	j.PromptID, j.AccountID, j.ExtraData = prompt, account, pyjson.Strict(u.Extra)
	for _, n := range u.Prompt.Members() {
		for _, in := range n.Value.Get("inputs").Members() {
			for _, f := range c.Inputs {
				if ref := in.Value.Text(); ref == f.Path || ref == f.Path+" [input]" {
					j.Inputs = append(j.Inputs, b.sink.input(n.Key, in.Key, ref, string(f.Data)))
				}
			}
		}
	}
	began := time.Now()
	err := b.engine.Run(context.Background(), j, b.sink)
	ending := settee.EventSuccess
	if failure, ok := errors.AsType[*engine.Failure](err); ok {
		ending = failure.Event.Type
		if u.Last != ending {
			b.Errorf("prompt %d: %.600s", u.N, failure.Event.Data)
		}
	} else if err != nil {
		b.Fatalf("prompt %d: %v", u.N, err)
	}
	if u.Last != ending {
		b.Errorf("prompt %d ended by %s, not %s", u.N, ending, u.Last)
	}
	b.Logf("prompt %d: %s, %d frames, %d files, %v", u.N, ending, len(b.sink.frames), len(b.sink.files), time.Since(began).Round(time.Millisecond))
	clean := func(s string) string { return letters.ReplaceAllString(s, "_temp_?_") }
	have := texts(b.sink.outputs)
	for _, m := range u.History.Get("outputs").Members() {
		if w, g := clean(plain(m.Value)), clean(have[m.Key]); w != g && ending == settee.EventSuccess && !strings.Contains(w, "text:") {
			b.Errorf("prompt %d: output of node %s\n want %s\n have %s", u.N, m.Key, w, g)
		}
	}
	for f, content := range b.sink.files {
		if len(content) == 0 {
			b.Errorf("%v is empty", f)
		}
	}
	if seen := b.sink.everything(); strings.Contains(seen, j.ID) {
		b.Errorf("clients see ComfyUI's prompt id")
	}
}

var letters = regexp.MustCompile(`_temp_[a-z]{5}_`)

// sampling is the default workflow with many steps.
func sampling(t *testing.T, seed, steps string) engine.Job {
	c := recording.One(t, "default-workflow")
	u := comfyuitest.Turns(c)[0]
	graph := string(u.Prompt.Raw())
	graph = regexp.MustCompile(`"seed": \d+, "steps": \d+`).ReplaceAllString(graph, `"seed": `+seed+`, "steps": `+steps)
	return job(graph, u.Outputs...)
}

func TestRealCancelWhileSampling(t *testing.T) {
	b, url := real(t)
	came := b.sink.until(func(f frame) bool { return f.kind == settee.EventProgress })
	cancel, done := b.start(sampling(t, "1", "40"), nil)
	select {
	case <-came:
	case err := <-done:
		t.Fatalf("it ended before its first step: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("no step")
	}
	asked := time.Now()
	cancel()
	select {
	case err := <-done:
		halt, ok := errors.AsType[*engine.Interrupted](err)
		if !ok {
			t.Fatal(err)
		}
		if pyjson.Of(string(halt.Event.Data)).Get("node_id").Text() != "3" {
			t.Errorf("ComfyUI did not say where it stopped: %s", halt.Event.Data)
		}
		t.Logf("interrupted after %v: %s", time.Since(asked).Round(time.Millisecond), halt.Event.Data)
	case <-time.After(time.Minute):
		t.Fatal("it does not stop")
	}
	idle(t, url)
}

func idle(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url + "/prompt")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body [200]byte
	n, _ := resp.Body.Read(body[:])
	if s := string(body[:n]); !strings.Contains(s, `"queue_remaining": 0`) {
		t.Errorf("not idle: %s", s)
	}
}

// A waiting job is cancelled; the one that runs, somebody else's, goes on.
func TestRealCancelWhilePending(t *testing.T) {
	b, url := real(t)
	theirs := sampling(t, "2", "6")
	id := uuid.NewString()
	resp, err := http.Post(url+"/prompt", "application/json", strings.NewReader(`{"prompt_id": "`+id+`", "client_id": "stranger", "prompt": `+string(theirs.Graph)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	mine := plainReal()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, ok := errors.AsType[*engine.Interrupted](b.engine.Run(ctx, mine, b.sink)); !ok {
		t.Error("not interrupted")
	}
	if k := b.sink.kinds(); len(k) > 0 {
		t.Errorf("frames %q of a job that never ran", k)
	}
	b.sink.begin("client-1")
	mine.ID = uuid.NewString()
	b.mustRun(mine) // behind the stranger's
	resp, err = http.Get(url + "/history/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	head := make([]byte, 1<<20)
	n, _ := resp.Body.Read(head)
	if !strings.Contains(string(head[:n]), "KSampler") {
		t.Errorf("the stranger's prompt is not in the history: %.200s", head[:n])
	}
}

func plainReal() engine.Job {
	return job(`{"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 7}},
		"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a/cat"}}}`, "2")
}

func TestRealCacheAndWalls(t *testing.T) {
	b, _ := real(t)
	run := func(account string) []string {
		j := plainReal()
		j.AccountID = account
		b.sink.begin("client-1")
		b.mustRun(j)
		return b.sink.kinds()
	}
	first := run("ann")
	again := run("ann")
	if !slices.Contains(first, settee.EventExecuting) || slices.Contains(again, settee.EventExecuting) {
		t.Errorf("first %q, again %q", first, again)
	}
	if len(b.sink.files) != 1 {
		t.Errorf("%d files", len(b.sink.files))
	}
	if other := run("bob"); !slices.Contains(other, settee.EventExecuting) {
		t.Errorf("bob was served from ann's cache: %q", other)
	}
	for _, content := range b.sink.files {
		if s := string(content); !strings.Contains(s, "tEXtprompt") || strings.Contains(s, "settee_account") {
			t.Errorf("the picture's text: %.400q", s)
		}
	}
}

// BenchmarkReal is one small job, and the same asked for without Settee.
func BenchmarkReal(bench *testing.B) {
	url := os.Getenv("SETTEE_TEST_COMFYUI")
	if url == "" {
		bench.Skip("SETTEE_TEST_COMFYUI is not set")
	}
	e := comfyui.New(comfyui.Options{URL: url})
	defer e.Close()
	for bench.Loop() {
		j := plainReal()
		j.AccountID = uuid.NewString()
		if err := e.Run(context.Background(), j, newMemory("client-1")); err != nil {
			bench.Fatal(err)
		}
	}
}

// picture is a PNG that any loader reads.
var picture = comfyuitest.Picture("{}")
