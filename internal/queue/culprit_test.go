package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// One worker that loses a job again and again does not use it up while another
// is there to try; a job that takes down the others as well ends.
func TestOneWorkersLosses(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		for _, poison := range []bool{false, true} {
			name := fmt.Sprint(poison)
			bad, good := h.open("bad"+name, name), h.open("good"+name, name)
			lane := func(s *queue.Submission) { s.Lane = queue.Lane(name) }
			h.submit("a", name, kind(name), lane)
			for range 3 {
				l := h.claim(bad)
				h.finish(l, broke)
			}
			wantText(t, "state", string(h.job("a", name).State), "pending")
			wantText(t, "status", h.worker("bad"+name).Status(), "out")
			h.none(bad)
			l := h.claim(good)
			if poison {
				h.finish(l, broke)
				j := h.job("a", name)
				wantText(t, "state", string(j.State)+" "+string(j.Reason), "failed lost")
			} else {
				h.finish(l, success(l))
				wantText(t, "state", string(h.job("a", name).State), "completed")
			}
		}
	})
}

// While others lose their workers too, the machine room is to blame and no job
// is. What fell together with a job or before it, or is of a kind that nobody
// finishes, is no excuse.
func TestMachineRoom(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		for name, c := range map[string]struct {
			others int
			kind   func(other int) string
			want   string
		}{
			"none":  {0, nil, "failed lost"},
			"one":   {1, func(int) string { return "" }, "pending "},
			"other": {1, func(int) string { return "other" }, "pending "},
			"like":  {5, func(int) string { return "poison" }, "failed lost"},
			"fine":  {1, func(int) string { return "fine" }, "pending "},
		} {
			opened := 0
			fresh := func() queue.Session {
				opened++
				return h.open(fmt.Sprint(name, opened), name)
			}
			submit := func(prompt, kind string) {
				h.submit("a", name+prompt, func(s *queue.Submission) { s.Lane, s.Kind = queue.Lane(name), kind })
			}
			lose := func(*queue.Lease) queue.Ending { return broke }
			good := fresh()
			for i := range 5 {
				submit(fmt.Sprint("before", i), "")
				h.end(fresh(), lose)
				h.end(good, success)
			}
			h.clock.Advance(time.Second)
			mine := "poison"
			if name == "fine" {
				mine = name
				submit("finished", mine)
				h.end(good, success)
			}
			submit("victim", mine)
			for i := range c.others {
				submit(fmt.Sprint("other", i), c.kind(i))
			}
			h.end(fresh(), lose)
			victim, others := h.claim(fresh()), []*queue.Lease{}
			for range c.others {
				l := h.claim(fresh())
				h.finish(l, broke)
				others = append(others, h.claim(fresh()))
			}
			h.finish(victim, broke)
			submit("together", "another")
			s := fresh()
			victim = h.claim(s)
			h.finish(h.claim(s), broke)
			h.finish(victim, broke)
			j := h.job("a", name+"victim")
			wantText(t, name, string(j.State)+" "+string(j.Reason), c.want)
			if c.want == "pending " { // a fourth loss needs another other
				h.end(fresh(), lose)
				wantText(t, name, string(h.job("a", name+"victim").State), "failed")
			}
			for _, l := range others {
				h.finish(l, success(l))
			}
		}
		h.consistent()
	})
}

// An embedded worker is not blamed for the end of its server.
func TestServerFell(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		good := h.open("good", "native")
		for i := range queue.Failures + 1 {
			boot := h.boot(fmt.Sprint("this/", i))
			s, err := boot.Open(t.Context(), "embedded", "native", settee.Description{})
			if err != nil {
				t.Fatal(err)
			}
			h.do(good, "", "k", success)
			h.submit("a", "", kind("k"))
			h.claim(s)
			if err := h.boot(fmt.Sprint("this/after", i)).Reap(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.end(good, success)
		}
		wantText(t, "failures", h.worker("embedded").Failures, "0")
	})
}
