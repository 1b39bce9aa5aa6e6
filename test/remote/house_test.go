// Package remote runs the same scenarios with workers in the server's own
// process and with workers elsewhere, and what only the latter can meet: cut
// networks, kills, and servers that come back.
//
// SETTEE_TEST_WORKER_KILLS says how often workers are killed (8), among
// SETTEE_TEST_WORKER_JOBS jobs (60).
package remote_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/app"
	"github.com/settee/settee/test/process"
)

// limit is how long anything here may take, on a machine that has other things to
// do.
const limit = 5 * time.Minute

// Leases: a machine that stands still for a moment must not cost a job an attempt
// where attempts are counted; where a worker is to be lost it should not take long.
const (
	long  = time.Minute
	short = 3 * time.Second
)

// house is a server in this process, and its worker here or beside it.
type house struct {
	*testing.T
	data     string
	remote   bool
	lease    time.Duration // 0: long
	gate     *gate         // the native engine
	comfyui  []string      // URLs of those that do the work; none: the native engine does
	url      string
	proxy    *proxy // between worker and server
	user     *client.Client
	operator client.Admin
	token    string
	leave    func() // stops the server
	drained  func() // stops the worker as SIGTERM does
}

// both runs f with the worker in the server and with one elsewhere.
func both(t *testing.T, f func(h *house)) {
	for name, remote := range map[string]bool{"in-process": false, "remote": true} {
		t.Run(name, func(t *testing.T) {
			h := &house{T: t, remote: remote, data: t.TempDir(), gate: newGate()}
			h.serve()
			if remote {
				h.work()
			}
			f(h)
		})
	}
}

// apart is a house whose worker is elsewhere.
func apart(t *testing.T, lease time.Duration) *house {
	h := &house{T: t, remote: true, lease: lease, data: t.TempDir(), gate: newGate()}
	h.serve()
	h.work()
	return h
}

// until waits for a condition, which is looked at again and again.
func (h *house) until(what string, there func() bool) {
	h.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !there() {
		select {
		case <-late.C:
			h.Fatalf("%s did not come true", what)
		case <-poll.C:
		}
	}
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(h.Context(), limit)
	h.Cleanup(cancel)
	return ctx
}

func (h *house) serve() {
	h.Helper()
	cfg := app.Config{Listen: "127.0.0.1:0", Data: h.data, BootstrapKey: process.Key, NoNative: h.remote || h.gate == nil,
		ComfyUI: h.places(!h.remote), Workers: 1, Grace: 50 * time.Millisecond, Lease: cmp.Or(h.lease, long), Log: slog.New(slog.DiscardHandler)}
	if h.gate != nil {
		cfg.Native = h.gate
	}
	a, err := app.New(h.Context(), cfg)
	if err != nil {
		h.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	gone := false
	h.leave = func() {
		if gone {
			return
		}
		gone = true
		stop()
		if err := <-ended; err != nil {
			h.Error(err)
		}
	}
	h.drained = h.leave
	h.Cleanup(h.leave)
	h.url = a.URL()
	if h.user, err = client.New(h.url, process.Key, client.WithPoll(20*time.Millisecond)); err != nil {
		h.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(h.data, settee.ServerFile))
	if err != nil {
		h.Fatal(err)
	}
	var found settee.Server
	if err := json.Unmarshal(text, &found); err != nil {
		h.Fatal(err)
	}
	operator, err := client.New(found.URL, found.Key)
	if err != nil {
		h.Fatal(err)
	}
	h.operator = operator.Admin()
	if !h.remote {
		h.ready()
	}
}

// places is the ComfyUI, where the work is done.
func (h *house) places(here bool) (c app.ComfyUI) {
	if here && len(h.comfyui) > 0 {
		c.Places = h.comfyui
	}
	return c
}

// work starts a worker, which reaches the server through the proxy.
func (h *house) work() {
	h.Helper()
	if h.proxy == nil {
		h.proxy = newProxy(h.T, h.url)
		pool := "native"
		if len(h.comfyui) > 0 {
			pool = "comfyui"
		}
		key, err := h.operator.CreateWorkerToken(h.ctx(), "boxes", pool)
		if err != nil {
			h.Fatal(err)
		}
		h.token = key.Secret
	}
	cfg := app.WorkerConfig{Server: h.proxy.url, Token: h.token, Name: "box", Workers: 1, NoNative: h.gate == nil,
		ComfyUI: h.places(true), Data: h.T.TempDir(),
		Grace: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	if h.gate != nil {
		cfg.Native = h.gate
	}
	w, err := app.NewWorker(cfg)
	if err != nil {
		h.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	gone := false
	h.drained = func() {
		if gone {
			return
		}
		gone = true
		stop()
		<-ended
	}
	h.Cleanup(h.drained)
	h.ready()
}

func (h *house) ready() {
	h.until("ready", func() bool { return h.user.Ready(h.Context()) == nil })
}

// back starts what drained stopped.
func (h *house) back() {
	h.Helper()
	if h.remote {
		h.work()
	} else {
		h.serve()
	}
}

func (h *house) submit(graph string) string {
	h.Helper()
	r, err := h.user.Submit(h.ctx(), client.Submission{Prompt: json.RawMessage(graph)})
	if err != nil {
		h.Fatal(err)
	}
	return r.PromptID
}

func (h *house) wait(id string) *client.Job {
	h.Helper()
	j, err := h.user.Wait(h.ctx(), id, nil)
	if err != nil {
		h.Fatal(err)
	}
	return j
}

func (h *house) running(id string) {
	h.Helper()
	h.until("running", func() bool {
		s, err := h.user.Status(h.ctx(), id)
		return err == nil && s.State == settee.InProgress
	})
}

// begun waits until a job's worker tells of it. It runs a little sooner: from the
// commit that gives it to a worker, who may not know it yet.
func (h *house) begun(id string) {
	h.Helper()
	l, err := h.user.Listen(h.ctx(), "begun")
	if err != nil {
		h.Fatal(err)
	}
	defer l.Close()
	for e := range l.Events() {
		if e.Type == settee.EventStart && e.PromptID == id {
			return
		}
	}
	h.Fatal("nobody tells of the job")
}

// attempts is how often a job was tried.
func (h *house) attempts(id string) int {
	h.Helper()
	j, err := h.operator.Job(h.ctx(), id)
	if err != nil {
		h.Fatal(err)
	}
	return j.Attempt
}

// colour checks a job's one picture.
func (h *house) colour(j *client.Job, want string) {
	h.Helper()
	files := j.Outputs.Files()
	if j.State != settee.Completed || len(files) != 1 {
		h.Fatalf("job %s is %s with %d files: %+v", j.ID, j.State, len(files), j.Error)
	}
	content, err := h.user.View(h.ctx(), files[0].File)
	if err != nil {
		h.Fatal(err)
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		h.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		h.Fatal(err)
	}
	r, g, b, _ := picture.At(3, 3).RGBA()
	if got := fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8); got != want {
		h.Errorf("the picture is #%s, want #%s", got, want)
	}
}

// plain is a workflow that saves one picture of a colour.
func plain(color int) string {
	return fmt.Sprintf(`{"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": %d}},
		"9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "plain"}}}`, color)
}

// slow is one that takes a while, in steps, and saves a picture of a colour.
func slow(color, steps int) string {
	text := fmt.Sprintf(`{"0": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": %d}}`, color)
	for i := range steps {
		text += fmt.Sprintf(`, "%d": {"class_type": "ImageBlur", "inputs": {"image": ["%d", 0], "blur_radius": 31, "sigma": 1.0}}`, i+1, i)
	}
	return text + fmt.Sprintf(`, "9999": {"class_type": "SaveImage", "inputs": {"images": ["%d", 0], "filename_prefix": "slow"}}}`, steps)
}
