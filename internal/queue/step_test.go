package queue_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// commits counts what the house writes from now on.
func (h *house) commits() *atomic.Int64 {
	var n atomic.Int64
	h.db.OnCommit(func(int, time.Duration, error) { n.Add(1) })
	return &n
}

// told is a step that is an output; names gets the output with its names.
func told(x engine.Executed, names *[]string) queue.Step {
	return queue.Step{Executed: &x, Named: func(output json.RawMessage) { *names = append(*names, string(output)) }}
}

func shows(kind, data string) queue.Step {
	return queue.Step{Frame: settee.Frame{Type: kind, Data: json.RawMessage(data)}}
}

// begun has a job run that has told of its start.
func (h *house) begun(account, prompt string, s queue.Session) *queue.Lease {
	h.t.Helper()
	h.submit(account, prompt)
	l := h.claim(s)
	h.tells(l, settee.Frame{Type: settee.EventStart, Data: json.RawMessage(`{"prompt_id":"` + prompt + `"}`)})
	h.bus.take(account)
	return l
}

func (h *house) tells(l *queue.Lease, f settee.Frame) {
	h.t.Helper()
	if err := h.Report(h.t.Context(), l.Attempt, []settee.Frame{f}); err != nil {
		h.t.Fatal(err)
	}
}

// kept is what is to be read of an account's job that has ended.
func (h *house) kept(account, prompt string) string {
	h.t.Helper()
	past, err := h.History(h.t.Context(), account, 10, -1)
	if err != nil || len(past) != 1 {
		h.t.Fatalf("history %v, %v", past, err)
	}
	j := h.job(account, prompt)
	var media string
	if err := h.db.Read(h.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT media FROM jobs WHERE id = $1`, j.ID).Scan(&media)
	}); err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf("%s %d %s %q\n%s\n%s\n%s\n%s", j.State, j.OutputsCount, j.PreviewOutput, media,
		past[0].Result.Outputs, past[0].Meta, past[0].Messages, h.names(account))
}

// What a job tells last is written down with its ending, in one commit, and shows
// and keeps what it would have if it had been told before.
func TestLastGoesWithTheEnding(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		storetest.Account(t, h.db, "b", settee.Tier{})
		s := h.open("w1", "native")
		silent := image("7", "dog")
		silent.Silent = true
		var frames [2][]string
		var names []string
		for i, account := range []string{"a", "b"} {
			l := h.begun(account, "p", s)
			h.execute(l, image("9", "cat"))
			state := settee.Frame{Type: "progress_state", Data: json.RawMessage(`{"nodes":{}}`)}
			picture := settee.Frame{Node: "8", Binary: []byte("png")}
			if account == "a" {
				commits := h.commits()
				if err := h.Finish(t.Context(), l.Attempt, success(l), told(image("8", "cat"), &names), queue.Step{Frame: state},
					queue.Step{Frame: picture}, told(silent, &names)); err != nil {
					t.Fatal(err)
				}
				wantText(t, "commits", commits.Load(), "1")
			} else {
				h.execute(l, image("8", "cat"))
				h.tells(l, state)
				h.tells(l, picture)
				h.execute(l, silent)
				h.finish(l, success(l))
			}
			frames[i] = h.bus.take(account)
		}
		wantLines(t, frames[0],
			`executed #2 {"node":"9","display_node":"9","output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]},"prompt_id":"p"}`,
			`executed #3 {"node":"8","display_node":"8","output":{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]},"prompt_id":"p"}`,
			`progress_state {"nodes":{}}`, ` png`,
			`execution_success #5 end {"prompt_id":"p","timestamp":1767225600000}`, status("0"), `executing {"node":null,"prompt_id":"p"}`)
		wantLines(t, frames[1], frames[0]...)
		wantLines(t, names, `{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}`,
			`{"images":[{"filename":"dog_00001_.png","subfolder":"","type":"output"}]}`)
		wantText(t, "kept", h.kept("a", "p"), h.kept("b", "p"))
		wantText(t, "count", h.job("a", "p").OutputsCount, "3")
		h.consistent()
	})
}

// Of an attempt that hands its job back nothing is kept or shown of what it told
// last: not when the job waits again, nor when it ends by that.
func TestLastOfWhatIsHandedBack(t *testing.T) {
	for what, c := range map[string]struct {
		lost  int // before
		stop  bool
		shown []string
	}{
		"waits": {shown: []string{status("1")}},
		"cancelled": {stop: true, shown: []string{
			`execution_interrupted #1 end {"prompt_id":"p","node_id":"","node_type":"","executed":[],"timestamp":1767225600000}`,
			status("0"), `executing {"node":null,"prompt_id":"p"}`}},
		"given up": {lost: 2},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, settee.Tier{}, func(t *testing.T, h *house) {
				s := h.open("w1", "native")
				h.submit("a", "p")
				for range c.lost {
					h.finish(h.claim(s), broke)
				}
				l := h.claim(s)
				if c.stop {
					if _, err := h.Cancel(t.Context(), "a", "p"); err != nil {
						t.Fatal(err)
					}
				}
				h.bus.take("a")
				var names []string
				if err := h.Finish(t.Context(), l.Attempt, broke, told(image("9", "cat"), &names), shows("progress", `{}`)); err != nil {
					t.Fatal(err)
				}
				got := h.bus.take("a")
				if c.shown != nil {
					wantLines(t, got, c.shown...)
				} else if len(got) != 3 {
					t.Errorf("shown %q", got)
				}
				if len(names) > 0 || h.names("a") != "" || h.job("a", "p").OutputsCount != 0 {
					t.Errorf("named %q, kept %q", names, h.names("a"))
				}
				h.consistent()
			})
		})
	}
}

// When an ending is not believed neither is what was told last.
func TestLastOfWhatIsDoubted(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		good, bad := h.liar()
		h.submit("a", "p", kind("k"))
		h.pass(30*time.Second, good, bad)
		l := h.claim(bad)
		h.bus.take("a")
		var names []string
		if err := h.Finish(t.Context(), l.Attempt, raised(l), told(image("9", "cat"), &names), shows("progress", `{}`)); err != nil {
			t.Fatal(err)
		}
		wantLines(t, h.bus.take("a"), status("1"))
		if j := h.job("a", "p"); j.State != settee.Pending || j.OutputsCount != 0 || len(names) > 0 || h.names("a") != "" {
			t.Errorf("put back as %+v; named %q, kept %q", j, names, h.names("a"))
		}
		l = h.claim(good)
		h.execute(l, image("9", "cat"))
		h.finish(l, success(l))
		wantText(t, "kept", h.names("a"), "cat_00001_.png")
	})
}

// What does not come last, and what cannot be kept, is refused together with the
// ending: nothing is changed, and the job runs.
func TestLastIsRefused(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		l := h.begun("a", "p", h.open("w1", "native"))
		commits := h.commits()
		wrong := image("8", "cat")
		wrong.Output[0].Entries[0].JSON = json.RawMessage(`[1]`)
		gone := image("8", "cat")
		gone.Output[0].Entries[0] = engine.Entry{Old: &settee.File{Filename: "gone.png", Type: settee.Output}}
		var names []string
		for _, c := range []struct {
			step queue.Step
			code settee.Code
		}{
			{shows(settee.EventStart, `{}`), settee.CodeInvalid}, {shows(settee.EventCached, `{}`), settee.CodeInvalid},
			{shows(settee.EventExecuted, `{}`), settee.CodeInvalid}, {shows(settee.EventSuccess, `{}`), settee.CodeInvalid},
			{shows(settee.EventInterrupted, `{}`), settee.CodeInvalid}, {shows(settee.EventStatus, `{}`), settee.CodeInvalid},
			{shows("progress", `{`), settee.CodeInvalid}, {told(wrong, &names), settee.CodeInvalid}, {told(gone, &names), settee.CodeNotFound},
		} {
			err := h.Finish(t.Context(), l.Attempt, success(l), told(image("9", "cat"), &names), c.step)
			wantCode(t, err, c.code)
		}
		if n := commits.Load(); n > 1 || len(names) > 0 || h.names("a") != "" || h.job("a", "p").State != settee.InProgress {
			t.Errorf("%d commits, named %q, kept %q", n, names, h.names("a"))
		}
		wantLines(t, h.bus.take("a"))
		h.execute(l, image("9", "cat"))
		h.finish(l, success(l))
		wantText(t, "kept", h.names("a"), "cat_00001_.png")
		h.consistent()
	})
}

// An ending that is told again, because its answer was lost, is written down once,
// and so is what was told last.
func TestLastIsToldOnce(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		l := h.begun("a", "p", s)
		var names []string
		for range 3 {
			if err := h.FinishOnce(t.Context(), l.Attempt, success(l), told(image("9", "cat"), &names)); err != nil {
				t.Fatal(err)
			}
		}
		const shown = `{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}`
		if n := len(h.bus.take("a")); n != 4 || !slices.Equal(names, []string{shown, shown, shown}) {
			t.Errorf("%d frames, named %q", n, names)
		}
		l = h.begun("a", "q", s)
		wantText(t, "next", h.execute(l, image("9", "cat")), `{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}`)
		wantText(t, "kept", h.names("a"), "cat_00001_.png cat_00002_.png")
	})
}
