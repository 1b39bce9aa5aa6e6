package remote_test

import (
	"fmt"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// On a ComfyUI the next job's prompt waits behind the one that is about to end,
// while everybody sees it wait: it is cancelled as a waiting job is, and nothing
// happens to the other.
func TestDepth(t *testing.T) {
	t.Parallel()
	var comfy *comfyuitest.Server
	bothOn(t, func(s *comfyuitest.Server) { comfy = s }, func(h *house) {
		wait := func(name string) string {
			return h.submit(fmt.Sprintf(`{"1": {"class_type": "FakeWait", "inputs": {"name": %q}}}`, name))
		}
		state := func(id string) settee.JobState {
			s, err := h.user.Status(h.ctx(), id)
			if err != nil {
				h.Fatal(err)
			}
			return s.State
		}
		posted := func(n int) {
			h.Helper()
			h.until(fmt.Sprint("prompt ", n), func() bool { return len(comfy.Log().Prompts) == n })
		}
		release := func(id, name string) {
			h.Helper()
			h.until("the end of "+name, func() bool {
				comfy.Release(name)
				return state(id).Terminal()
			})
		}
		first := wait("first") // now the worker knows how long such jobs take
		h.running(first)
		release(first, "first")

		a, b := wait("a"), wait("b")
		posted(3)
		if state(a) != settee.InProgress || state(b) != settee.Pending {
			h.Errorf("a is %s and b, which lies ahead, %s", state(a), state(b))
		}
		if done, err := h.user.Cancel(h.ctx(), b); err != nil || !done || state(b) != settee.Cancelled {
			h.Errorf("cancelled: %v, %v: b is %s", done, err, state(b))
		}
		h.until("b out of ComfyUI's queue", func() bool { return len(comfy.Log().Deleted) == 1 })
		c := wait("c")
		posted(4)
		release(a, "a")
		h.running(c)
		release(c, "c")
		for id, want := range map[string]string{a: "completed 1", b: "cancelled 0", c: "completed 1"} {
			if got := fmt.Sprint(state(id), " ", h.attempts(id)); got != want {
				h.Errorf("a job is %s, want %s", got, want)
			}
		}
		if l := comfy.Log(); len(l.Interrupted) > 0 || len(l.Deleted) != 1 || len(l.Prompts) != 4 {
			h.Errorf("ComfyUI was asked %+v", l)
		}
	})
}
