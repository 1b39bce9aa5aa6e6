package remote_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// Files go to the worker and come back, and the account hears the same.
func TestFilesBothWays(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		heard = map[bool]string{}
	)
	both(t, func(h *house) {
		pier, err := os.Open("../../examples/pier.png")
		if err != nil {
			h.Fatal(err)
		}
		defer pier.Close()
		in, err := h.user.Upload(h.ctx(), client.Upload{File: settee.File{Filename: "pier.png"}, Content: pier})
		if err != nil {
			h.Fatal(err)
		}
		graph := fmt.Sprintf(`{"1": {"class_type": "LoadImage", "inputs": {"image": %q}}, "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
			"9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inverted"}},
			"8": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}}`, in.Reference())
		var events []string
		j, err := h.user.Run(h.ctx(), client.Submission{Prompt: json.RawMessage(graph)}, func(e client.Event) {
			var d struct{ Node string }
			_ = json.Unmarshal(e.Data, &d)
			if ended := len(events) > 0 && strings.HasPrefix(events[len(events)-1], settee.EventSuccess); !ended && e.Type != settee.EventStatus && e.Type != settee.EventState {
				events = append(events, strings.TrimSpace(e.Type+" "+d.Node))
			}
		})
		if err != nil || j.State != settee.Completed {
			h.Fatalf("%+v, %v", j, err)
		}
		names := ""
		for _, f := range j.Outputs.Files() {
			names += " " + string(f.File.Type) + "/" + f.File.Filename
			content, err := h.user.View(h.ctx(), f.File)
			if err != nil {
				h.Fatal(err)
			}
			content.Close()
		}
		if !strings.Contains(names, "output/inverted_00001_.png") {
			h.Errorf("files%s", names)
		}
		mu.Lock()
		defer mu.Unlock()
		heard[h.remote] = strings.Join(events, ", ")
	})
	if heard[true] != heard[false] || !strings.Contains(heard[true], "execution_start, execution_cached, executing 1") {
		t.Errorf("heard remotely\n%s\nand in-process\n%s", heard[true], heard[false])
	}
}

// A node's error is the workflow's own: it is told, and not tried again.
func TestNodeError(t *testing.T) {
	t.Parallel()
	both(t, func(h *house) {
		in, err := h.user.Upload(h.ctx(), client.Upload{File: settee.File{Filename: "bad.png"}, Content: strings.NewReader("no picture")})
		if err != nil {
			h.Fatal(err)
		}
		id := h.submit(fmt.Sprintf(`{"1": {"class_type": "LoadImage", "inputs": {"image": %q}},
			"9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}`, in.Reference()))
		j := h.wait(id)
		if j.State != settee.Failed || j.Error == nil || j.Error.NodeID != "1" || h.attempts(id) != 1 {
			h.Errorf("%s after %d attempts: %+v", j.State, h.attempts(id), j.Error)
		}
		h.colour(h.wait(h.submit(plain(0x123456))), "123456")
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	both(t, func(h *house) {
		first := h.submit(slow(1, 400))
		second := h.submit(plain(2))
		h.running(first)
		for _, id := range []string{second, first} { // the one that waits, then the one that runs
			if done, err := h.user.Cancel(h.ctx(), id); err != nil || !done {
				h.Fatalf("cancel: %v, %v", done, err)
			}
			if j := h.wait(id); j.State != settee.Cancelled {
				h.Errorf("%s, want cancelled", j.State)
			}
		}
		if done, err := h.user.Cancel(h.ctx(), first); err != nil || done {
			h.Errorf("cancelled twice: %v, %v", done, err)
		}
		h.colour(h.wait(h.submit(plain(0x00ff00))), "00ff00")
	})
}

// A worker that stops hands back what it cannot end in time; the next one runs
// it again, and it is not counted as a loss.
func TestDrain(t *testing.T) {
	t.Parallel()
	both(t, func(h *house) {
		h.gate.hold()
		id := h.submit(slow(0x336699, 1))
		h.begun(id)
		h.drained()
		if h.remote {
			if s, err := h.user.Status(h.ctx(), id); err != nil || s.State != settee.Pending {
				h.Errorf("handed back as %+v, %v", s, err)
			}
		}
		h.gate.lift()
		h.back()
		h.colour(h.wait(id), "336699")
		if n := h.attempts(id); n != 2 {
			h.Errorf("%d attempts", n)
		}
	})
}

// An operator's drain lets a job end and gives no other.
func TestOperatorsDrain(t *testing.T) {
	t.Parallel()
	both(t, func(h *house) {
		name := map[bool]string{true: "box", false: "native-1"}[h.remote]
		h.gate.hold()
		first := h.submit(slow(0x112233, 1))
		h.running(first)
		if w, err := h.operator.DrainWorker(h.ctx(), name); err != nil || !w.Drained || w.Remote != h.remote || w.Running != 1 {
			h.Fatalf("%+v, %v", w, err)
		}
		second := h.submit(plain(0x445566))
		h.gate.lift()
		h.colour(h.wait(first), "112233")
		if s, err := h.user.Status(h.ctx(), second); err != nil || s.State != settee.Pending {
			h.Errorf("a drained worker was given a job: %+v, %v", s, err)
		}
		if _, err := h.operator.ResumeWorker(h.ctx(), name); err != nil {
			h.Fatal(err)
		}
		h.colour(h.wait(second), "445566")
	})
}
