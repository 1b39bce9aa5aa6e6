package remote_test

import (
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// A job that was accepted because of what a ComfyUI had, and that it has no more
// when it is given the job, runs where it can, and waits where it can nowhere.
func TestAComfyUIThatHasLostANode(t *testing.T) {
	t.Parallel()
	var comfy []*comfyuitest.Server
	bothOnMany(t, 2, func(all []*comfyuitest.Server) { comfy = all }, func(h *house) {
		busy := h.submit(`{"1": {"class_type": "FakeWait", "inputs": {"name": "gate"}}}`)
		h.until("one has it", func() bool { return len(comfy[0].Log().Prompts)+len(comfy[1].Log().Prompts) == 1 })
		has, lacks := comfy[0], comfy[1]
		if len(has.Log().Prompts) == 0 {
			has, lacks = lacks, has
		}
		lacks.Lack("FakeText")
		elsewhere := h.submit(text(1))
		h.until("it is handed back", func() bool { return h.waits(elsewhere) && h.attempts(elsewhere) == 1 })
		has.Release("gate")
		for id, attempts := range map[string]int{busy: 1, elsewhere: 2} {
			if j := h.wait(id); j.State != settee.Completed || h.attempts(id) != attempts {
				h.Errorf("%s after %d attempts: %+v", j.State, h.attempts(id), j.Error)
			}
		}

		has.Lack("FakeText")
		nowhere := h.submit(text(2))
		h.until("it is handed back", func() bool { return h.waits(nowhere) && h.attempts(nowhere) == 1 })
		h.until("all are there again", func() bool { return h.statuses()["ready"] == 2 })
		h.drained()
		if h.remote && !h.waits(nowhere) {
			h.Error("it did not wait")
		}
		has.Lack()
		h.back()
		if j := h.wait(nowhere); j.State != settee.Completed || h.attempts(nowhere) != 2 {
			h.Errorf("%s after %d attempts: %+v", j.State, h.attempts(nowhere), j.Error)
		}
	})
}

// waits reports that a job is in the queue.
func (h *house) waits(id string) bool {
	h.Helper()
	s, err := h.user.Status(h.ctx(), id)
	if err != nil {
		h.Fatal(err)
	}
	return s.State == settee.Pending
}
