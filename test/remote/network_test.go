package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/queue"
)

// A network that is cut for less than half the lease costs time, and no attempt: the
// job goes on meanwhile, and is told of afterwards.
func TestShortCut(t *testing.T) {
	t.Parallel()
	h := apart(t, long)
	h.gate.hold()
	id := h.submit(slow(0x102030, 4))
	h.begun(id)
	for range 3 {
		if s, err := h.user.Status(h.ctx(), id); err != nil || s.State != settee.InProgress {
			t.Errorf("before a cut it is %+v, %v", s, err)
		}
		h.proxy.sever()
		h.gate.pass()
		h.pass(300 * time.Millisecond)
		h.proxy.heal()
		h.pass(100 * time.Millisecond)
	}
	h.gate.lift()
	h.colour(h.wait(id), "102030")
	if n := h.attempts(id); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// pass lets time go by: what happens in it is what a test is about.
func (h *house) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.Context().Done():
	}
}

// One that is cut, or stands still, for longer than the lease costs the attempt;
// the job is run again, here by another worker, and ends once.
func TestLongCut(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(*proxy){"cut": (*proxy).sever, "half-open": (*proxy).freeze} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := apart(t, short)
			h.gate.hold()
			id := h.submit(slow(0x405060, 1))
			h.running(id)
			bad(h.proxy)
			h.until("waits again", func() bool {
				s, err := h.user.Status(h.ctx(), id)
				return err == nil && s.State == settee.Pending
			})
			h.gate.lift()
			h.proxy.heal()
			h.colour(h.wait(id), "405060")
			if n := h.attempts(id); n < 2 {
				t.Errorf("%d attempts", n)
			}
			if j := h.wait(h.submit(plain(7))); j.State != settee.Completed {
				t.Errorf("afterwards a job is %s", j.State)
			}
		})
	}
}

// What a lost attempt made is withdrawn, also where its worker is the next to run
// the job and keeps what it made: it is made again.
func TestFilesOfALostAttempt(t *testing.T) {
	t.Parallel()
	h := apart(t, short)
	h.gate.hold()
	id := h.submit(strings.Replace(slow(0x708090, 1), `"9999"`, `"early": {"class_type": "SaveImage", "inputs": {"images": ["0", 0], "filename_prefix": "early"}}, "9999"`, 1))
	h.until("one file is there", func() bool {
		j, err := h.user.Job(h.ctx(), id)
		return err == nil && len(j.Outputs.Files()) == 1
	})
	h.proxy.sever()
	h.until("waits again", func() bool {
		s, err := h.user.Status(h.ctx(), id)
		return err == nil && s.State == settee.Pending
	})
	h.gate.lift()
	h.proxy.heal()
	j := h.wait(id)
	if n := len(j.Outputs.Files()); j.State != settee.Completed || n != 2 {
		t.Fatalf("%s with %d files, %+v", j.State, n, j.Error)
	}
	for _, f := range j.Outputs.Files() {
		content, err := h.user.View(h.ctx(), f.File)
		if err != nil {
			t.Errorf("%v: %v", f.File, err)
			continue
		}
		content.Close()
	}
}

// A slow network is slow, and nothing else.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	h := apart(t, long)
	h.proxy.slowly(50 * time.Millisecond)
	for i := range 3 {
		id := h.submit(plain(i))
		if j := h.wait(id); j.State != settee.Completed || h.attempts(id) != 1 {
			t.Errorf("%s after %d attempts", j.State, h.attempts(id))
		}
	}
}

// A connection that stands still while the worker is idle loses no job that is
// given over it.
func TestJobGivenIntoTheVoid(t *testing.T) {
	t.Parallel()
	h := apart(t, short)
	h.colour(h.wait(h.submit(plain(1))), "000001")
	h.proxy.freeze()
	id := h.submit(plain(2))
	h.running(id) // the server gave it away, nobody has it
	h.proxy.sever()
	h.proxy.heal()
	h.colour(h.wait(id), "000002")
}

// coordinator is a worker's side by itself, with a session that holds a job.
func (h *house) coordinator() (k *client.Coordinator, lease *queue.Lease) {
	h.Helper()
	h.drained()
	c, err := client.New(h.proxy.url, h.token, client.WithHTTPClient(&http.Client{Transport: client.WorkerTransport()}))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(c.CloseIdle)
	k = c.Coordinator(nil)
	d, err := native.New(native.Options{}).Describe(h.ctx()) // jobs go to those that can run them
	if err != nil {
		h.Fatal(err)
	}
	s, err := k.Open(h.ctx(), "by-hand", "", d)
	if err != nil {
		h.Fatal(err)
	}
	alive, over := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for alive.Err() == nil {
			if _, err := k.Renew(alive, s); err != nil && alive.Err() == nil {
				h.Errorf("renew: %v", err)
				return
			}
		}
	}()
	h.Cleanup(func() {
		over()
		<-ended
		if err := k.Close(context.Background(), s); err != nil {
			h.Error(err)
		}
	})
	h.submit(plain(3))
	if lease, err = k.Claim(h.ctx(), s, false); err != nil {
		h.Fatal(err)
	}
	return k, lease
}

// A large result goes on where its connection broke, and an input too.
func TestLargeFilesGoOn(t *testing.T) {
	t.Parallel()
	h := apart(t, long)
	k, lease := h.coordinator()
	content := make([]byte, 24<<20)
	source := rand.NewChaCha8([32]byte{1})
	if _, err := source.Read(content); err != nil {
		t.Fatal(err)
	}
	broken := h.proxy.breakAfter(10 << 20)
	b, err := k.Files().Put(h.ctx(), io.LimitReader(bytes.NewReader(content), int64(len(content)))) // can be read once
	if err != nil || b.Size != int64(len(content)) {
		t.Fatalf("%+v, %v", b, err)
	}
	<-broken
	if sent := h.proxy.sent(); sent > int64(len(content))+8<<20 {
		t.Errorf("%d bytes went out for %d", sent, len(content))
	}
	broken = h.proxy.breakAfter(10 << 20)
	if again, err := k.Files().Put(h.ctx(), bytes.NewReader(content)); err != nil || again.Blob != b.Blob { // can be read again
		t.Errorf("again: %+v, %v", again, err)
	}
	<-broken
	sent := h.proxy.sent()
	for range 2 {
		if _, err := k.Files().Put(h.ctx(), bytes.NewReader(content[:900<<10])); err != nil {
			t.Error(err)
		}
	}
	if more := h.proxy.sent() - sent; more > 1<<20 {
		t.Errorf("%d bytes went out for a small file, and when it was there", more)
	}
	out, err := k.Execute(h.ctx(), lease.Attempt, engine.Executed{Node: "9", DisplayNode: "9", RealNode: "9", Output: []engine.Key{{Name: "video",
		Entries: []engine.Entry{{New: &engine.NewFile{Bytes: b, Type: settee.Output, Prefix: "large", Suffix: "_.mp4", MIME: "video/mp4"}}}}}})
	if err != nil || string(out) != `{"video":[{"filename":"large_00001_.mp4","subfolder":"","type":"output"}]}` {
		t.Fatalf("%s, %v", out, err)
	}
	if err := k.Finish(h.ctx(), lease.Attempt, queue.Ending{State: settee.Completed, Event: settee.Event{Type: settee.EventSuccess,
		Data: json.RawMessage(`{"prompt_id":"` + lease.PromptID + `"}`)}}); err != nil {
		t.Fatal(err)
	}
	kept, err := h.user.View(h.ctx(), settee.File{Filename: "large_00001_.mp4", Type: settee.Output})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if got, err := io.ReadAll(kept); err != nil || !bytes.Equal(got, content) {
		t.Errorf("kept %d bytes, %v", len(got), err)
	}
}
