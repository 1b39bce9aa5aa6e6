package remote_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// bothOnMany is both, with several ComfyUIs that do the work, a worker each.
func bothOnMany(t *testing.T, n int, prepare func([]*comfyuitest.Server), f func(h *house)) {
	for name, remote := range map[string]bool{"in-process": false, "remote": true} {
		t.Run(name, func(t *testing.T) {
			h := &house{T: t, remote: remote, data: t.TempDir()}
			all := make([]*comfyuitest.Server, n)
			for i := range all {
				all[i] = comfyuitest.New(t)
				h.comfyui = append(h.comfyui, all[i].URL)
			}
			prepare(all)
			h.serve()
			if remote {
				h.work()
			}
			h.until("all are there", func() bool { return h.statuses()["ready"] == n })
			f(h)
		})
	}
}

// statuses counts the workers by status.
func (h *house) statuses() map[string]int {
	h.Helper()
	all, err := h.operator.Workers(h.ctx())
	if err != nil {
		h.Fatal(err)
	}
	n := map[string]int{}
	for _, w := range all {
		n[w.Status]++
	}
	return n
}

// text is a workflow that shows a text of its own.
func text(i int) string {
	return fmt.Sprintf(`{"1": {"class_type": "FakeText", "inputs": {"text": "number %d"}}}`, i)
}

// tell has a ComfyUI show a text, or fail.
func tell(fails bool) comfyuitest.Program {
	return func(p *comfyuitest.Play) {
		p.Say("execution_start", "")
		if fails {
			p.Raise("1", "FakeText", "RuntimeError", "no kernel image is available for execution", `{}`)
			return
		}
		p.Show("1", `{"text": ["fine"]}`, "1")
		p.Say("execution_success", "")
	}
}

// A ComfyUI that fails whatever it gets, beside one that works, costs users three
// jobs at most, however fast it fails. It is shown as out, and why; once it works
// it is in again when an operator says so.
func TestWorkerThatFailsEverything(t *testing.T) {
	t.Parallel()
	var servers []*comfyuitest.Server
	bothOnMany(t, 2, func(all []*comfyuitest.Server) {
		servers = all
		all[0].Run(tell(true))
		all[1].Run(tell(false))
	}, func(h *house) {
		n, failed := 0, 0
		run := func(jobs int) {
			ids := make([]string, jobs)
			for i := range ids {
				n++
				ids[i] = h.submit(text(n))
			}
			for _, id := range ids {
				switch j := h.wait(id); j.State {
				case settee.Completed:
				case settee.Failed:
					failed++
				default:
					h.Errorf("%s: %s", id, j.State)
				}
			}
		}
		run(30)
		h.until("the bad one is out", func() bool { run(1); return h.statuses()["out"] == 1 })
		run(30)
		if failed > 3 {
			h.Errorf("%d of %d jobs have failed", failed, n)
		}
		all, err := h.operator.Workers(h.ctx())
		if err != nil {
			h.Fatal(err)
		}
		name := ""
		for _, w := range all {
			if w.Status == "out" {
				name = w.Name
				if !strings.Contains(w.Reason, "; the last with RuntimeError") || strings.Contains(w.Reason, "kernel") || w.ProbeAt == nil {
					h.Errorf("out, because %q, until %v", w.Reason, w.ProbeAt)
				}
			}
		}
		servers[0].Run(tell(false))
		if w, err := h.operator.ResumeWorker(h.ctx(), name); err != nil || w.Status != "ready" || w.Reason != "" {
			h.Errorf("resumed: %+v, %v", w, err)
		}
		before := len(servers[0].Log().Prompts)
		h.until("it works", func() bool { run(1); return len(servers[0].Log().Prompts) > before })
		if failed > 3 {
			h.Errorf("%d of %d jobs have failed", failed, n)
		}
	})
}

// A job that takes down every ComfyUI that runs it ends as lost after the third,
// while the others go on and are done, each once.
func TestPoison(t *testing.T) {
	t.Parallel()
	const poison = `{"1": {"class_type": "FakeText", "inputs": {"text": "poison"}}}`
	var kills chan int
	bothOnMany(t, 4, func(all []*comfyuitest.Server) {
		kills = make(chan int, 100)
		for i, s := range all {
			s.Run(func(p *comfyuitest.Play) {
				if strings.Contains(p.Graph(), "poison") {
					kills <- i
					go func() { s.Kill(); s.Restart() }()
					<-p.Stopped()
					return
				}
				tell(false)(p)
			})
		}
	}, func(h *house) {
		for i := range 8 {
			h.wait(h.submit(text(i)))
		}
		id := h.submit(poison)
		var ids []string
		ended := func() bool {
			s, err := h.user.Status(h.ctx(), id)
			return err == nil && s.State.Terminal()
		}
		h.until("the poison is given up", func() bool {
			ids = append(ids, h.submit(text(100+len(ids))))
			h.wait(ids[len(ids)-1])
			return ended()
		})
		j := h.wait(id)
		if j.State != settee.Failed || j.Error == nil || j.Error.Type != "WorkerLost" || h.attempts(id) != 3 || len(kills) != 3 {
			h.Errorf("%s after %d attempts and %d kills: %+v", j.State, h.attempts(id), len(kills), j.Error)
		}
		for _, id := range ids {
			if j := h.wait(id); j.State != settee.Completed {
				h.Errorf("%s: %s, %+v", id, j.State, j.Error)
			}
		}
		if _, page, err := h.operator.Jobs(h.ctx(), client.AdminFilter{States: []settee.JobState{settee.Failed}, Limit: 1}); err != nil || page.Total != 1 {
			h.Errorf("%d jobs have failed, %v", page.Total, err)
		}
	})
}
