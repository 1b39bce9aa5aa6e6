package comfyui_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/engine/comfyui/process"
	"github.com/settee/settee/internal/pyjson"
)

// ownReal is a real ComfyUI of our own, until stop: SETTEE_TEST_COMFYUI_DIR
// names its folder.
func ownReal(t *testing.T) (p *process.Process, e *comfyui.Engine, b *bench, stop func()) {
	t.Helper()
	dir := os.Getenv("SETTEE_TEST_COMFYUI_DIR")
	if dir == "" {
		t.Skip("SETTEE_TEST_COMFYUI_DIR is not set")
	}
	p, err := process.New(process.Options{Dir: dir, Data: t.TempDir(), Name: "test", Args: []string{"--cpu", "--disable-all-custom-nodes"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- p.Run(ctx) }()
	e = comfyui.New(comfyui.Options{Process: p})
	return p, e, &bench{T: t, engine: e, sink: newMemory("client-1")}, func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
}

// A process that is killed while it samples: the job is not its fault, and the
// next one works.
func TestRealSupervised(t *testing.T) {
	p, e, b, stop := ownReal(t)
	began := time.Now()
	d, err := e.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v, %d bytes of definitions", time.Since(began).Round(time.Millisecond), len(d.Definitions))
	j := b.loadJob("dir/cat.png", string(picture))
	b.mustRun(j)
	if have := string(b.sink.outputs["2"]); have != `{"images":[{"filename":"out_00001_.png","subfolder":"","type":"output"}]}` {
		t.Error(have)
	}
	e.Close()
	if left := names(t, p.Folders().Output); len(left) > 0 {
		t.Errorf("output still holds %q", left)
	}

	b.sink.begin("client-1")
	came := b.sink.until(func(f frame) bool { return f.kind == settee.EventProgress })
	_, done := b.start(sampling(t, "9", "40"), nil)
	select {
	case <-came:
	case err := <-done:
		t.Fatal(err)
	}
	pid := pidOf(t, p.URL())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := b.result(done); !errors.Is(err, comfyui.ErrLost) && !errors.Is(err, comfyui.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	t.Logf("the run ended %v after the kill", time.Since(killed).Round(time.Millisecond))
	b.sink.begin("client-1")
	again := plainReal()
	again.ID = uuid.NewString()
	b.mustRun(again)
	t.Logf("the next job was done %v after the kill", time.Since(killed).Round(time.Millisecond))
	stop()
	e.Close()
}

// ComfyUI slows as its folders and its history fill: after many jobs, each with
// an input, an output and a preview of its own, they are as good as empty.
func TestRealStaysSmall(t *testing.T) {
	const jobs = 500
	p, e, b, stop := ownReal(t)
	var first, last time.Duration
	for i := range jobs {
		name := fmt.Sprintf("%d.png", i)
		j := b.loadJob(name, string(comfyuitest.Picture(fmt.Sprintf(`{"n": %d}`, i))))
		j.ID, j.Outputs = uuid.NewString(), []string{"2", "3"}
		j.Graph = []byte(strings.TrimSuffix(string(j.Graph), "}") + `, "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}`)
		began := time.Now()
		b.sink.begin("client-1")
		b.mustRun(j)
		switch {
		case i >= 50 && i < 100:
			first += time.Since(began) / 50
		case i >= jobs-50:
			last += time.Since(began) / 50
		}
	}
	t.Logf("a job took %v at first and %v at last", first, last)
	history, err := http.Get(p.URL() + "/history")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(history.Body)
	history.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	entries := pyjson.Of(string(raw)).Len()
	e.Close()
	in, out, temp := len(names(t, p.Folders().Input)), len(names(t, p.Folders().Output)), len(names(t, p.Folders().Temp))
	t.Logf("after %d jobs: %d history entries; %d files in the input folder, %d in output, %d in temp", jobs, entries, in, out, temp)
	if entries > 24 || in > 34 || out > 0 || temp > 0 {
		t.Error("that is not small")
	}
	stop()
	http.DefaultClient.CloseIdleConnections()
}

// pidOf finds the process that was started with a URL's port.
func pidOf(t *testing.T, url string) int {
	port := url[strings.LastIndexByte(url, ':')+1:]
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("no /proc")
	}
	for _, d := range entries {
		line, err := os.ReadFile("/proc/" + d.Name() + "/cmdline")
		if err == nil && strings.Contains(string(line), "main.py\x00--port\x00"+port+"\x00") {
			n := 0
			for _, c := range d.Name() {
				n = 10*n + int(c-'0')
			}
			return n
		}
	}
	t.Fatal("no process has that port")
	return 0
}
