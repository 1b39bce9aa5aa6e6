package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// clerk is a coordinator that writes down what it is told, in order, and refuses
// what a test says.
type clerk struct {
	*coordinator
	log    []string
	refuse func(what string) error // nil: nothing
}

func (k *clerk) note(what string) error {
	k.log = append(k.log, what)
	if k.refuse != nil {
		return k.refuse(what)
	}
	return nil
}

// word is a frame in short.
func word(f settee.Frame) string {
	if f.Type == "" {
		return "picture of " + f.Node
	}
	return f.Type
}

func (k *clerk) Report(_ context.Context, _ queue.Attempt, frames []settee.Frame) error {
	return k.note(word(frames[0]))
}

func (k *clerk) Execute(_ context.Context, _ queue.Attempt, x engine.Executed) (json.RawMessage, error) {
	return json.RawMessage(`"alone"`), k.note("executed " + x.Node)
}

func (k *clerk) Finish(ctx context.Context, a queue.Attempt, e queue.Ending, last ...queue.Step) error {
	var words []string
	for _, step := range last {
		if step.Executed != nil {
			words = append(words, "executed "+step.Executed.Node)
		} else {
			words = append(words, word(step.Frame))
		}
	}
	if err := k.note(string(e.State) + " [" + strings.Join(words, ", ") + "]"); err != nil {
		return err
	}
	for _, step := range last {
		if step.Executed != nil {
			step.Named(json.RawMessage(`"with the ending"`))
		}
	}
	return k.coordinator.Finish(ctx, a, e, last...)
}

// act is an engine's part: what it tells, one after the other, and how it ends.
type act struct {
	out   engine.Sink
	named []string
	err   error
}

func (a *act) tell(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *act) event(kind, data string) {
	a.tell(a.out.Event(context.Background(), settee.Event{Type: kind, Data: json.RawMessage(data)}))
}

func (a *act) start() { a.event(settee.EventStart, `{}`) }

func (a *act) last(node string) {
	a.tell(a.out.Last(context.Background(), engine.Executed{Node: node}, func(output json.RawMessage) { a.named = append(a.named, node+string(output)) }))
}

func (a *act) executed(node string) {
	_, err := a.out.Executed(context.Background(), engine.Executed{Node: node})
	a.tell(err)
}

func (a *act) picture(node string) {
	a.tell(a.out.Preview(context.Background(), node, []byte("png"), false))
}

// play has a worker run a job that does f and ends as that returned.
func play(t *testing.T, refuse func(string) error, f func(a *act) error) (told string, named []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &clerk{coordinator: newCoordinator(), refuse: refuse}
		a := &act{}
		stop := start(t, k, engineFunc(func(_ context.Context, _ engine.Job, out engine.Sink) error {
			a.out = out
			if err := f(a); err != nil {
				return err
			}
			return a.err
		}), time.Second)
		k.leases <- lease("j")
		<-k.endings
		synctest.Wait()
		stop()
		told, named = strings.Join(k.log, "; "), a.named
	})
	return told, named
}

// What a run tells last waits for its ending, in its order, and all that follows;
// when it turns out not to be the last it is told first.
func TestWhatIsToldLast(t *testing.T) {
	large := `{"x":"` + strings.Repeat("x", 600<<10) + `"}`
	for what, c := range map[string]struct {
		run   func(a *act) error
		told  string
		named string
	}{
		"goes with the ending": {func(a *act) error {
			a.start()
			a.executed("8")
			a.event("progress", `{}`)
			a.last("9")
			a.event("progress_state", `{}`)
			a.picture("9")
			return nil
		}, "execution_start; executed 8; progress; completed [executed 9, progress_state, picture of 9]", `[9"with the ending"]`},
		"two": {func(a *act) error { a.last("8"); a.event("progress", `{}`); a.last("9"); return nil },
			"completed [executed 8, progress, executed 9]", `[8"with the ending" 9"with the ending"]`},
		"before a failure": {func(a *act) error {
			a.last("9")
			return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{}`)}}
		}, "failed [executed 9]", `[9"with the ending"]`},
		"another output comes": {func(a *act) error {
			a.last("8")
			a.event("progress", `{}`)
			a.executed("9")
			a.picture("9")
			return nil
		},
			"executed 8; progress; executed 9; picture of 9; completed []", `[8"alone"]`},
		"it runs once more": {func(a *act) error { a.last("8"); a.event("progress", `{}`); a.start(); a.last("9"); return nil },
			"executed 8; progress; execution_start; completed [executed 9]", `[8"alone" 9"with the ending"]`},
		"too much": {func(a *act) error {
			a.last("9")
			a.event("large", large)
			a.event("larger", large)
			a.event("progress", `{}`)
			return nil
		}, "executed 9; large; larger; progress; completed []", `[9"alone"]`},
		"too much in one": {func(a *act) error {
			a.tell(a.out.Last(context.Background(), engine.Executed{Node: "9", Output: []engine.Key{{Name: "text",
				Entries: []engine.Entry{{JSON: json.RawMessage(large)}, {JSON: json.RawMessage(large)}}}}}, func(json.RawMessage) {}))
			return nil
		}, "executed 9; completed []", `[]`},
		"too much of small files": {func(a *act) error {
			for _, node := range []string{"7", "8", "9"} {
				x := engine.Executed{Node: node, Output: []engine.Key{{Name: "images"}}}
				for range engine.MaxTogether / engine.MaxSmall {
					x.Output[0].Entries = append(x.Output[0].Entries, engine.Entry{New: &engine.NewFile{Bytes: engine.BytesOf(make([]byte, engine.MaxSmall))}})
				}
				a.tell(a.out.Last(context.Background(), x, func(json.RawMessage) {}))
			}
			return nil
		}, "executed 7; executed 8; executed 9; completed []", `[]`},
		"the engine fails": {func(a *act) error { a.last("9"); a.event("progress", `{}`); return io.ErrUnexpectedEOF }, "pending []", `[]`},
		"nonsense": {func(a *act) error {
			return a.out.Last(context.Background(), engine.Executed{Output: []engine.Key{{Name: "x", Entries: []engine.Entry{{JSON: json.RawMessage(`[REDACTED]`)}}}}}, nil)
		}, "failed []", `[]`},
	} {
		t.Run(what, func(t *testing.T) {
			told, named := play(t, nil, c.run)
			if told != c.told || fmt.Sprint(named) != c.named {
				t.Errorf("told %s, named %s\nwant %s, %s", told, named, c.told, c.named)
			}
		})
	}
}

// An ending that is refused with what was told last is told after it; what is wrong
// with that is the ending. One that is not answered is told again, as it was.
func TestLastIsNotTaken(t *testing.T) {
	run := func(a *act) error { a.last("8"); a.event("progress", `{}`); a.last("9"); return nil }
	all := "completed [executed 8, progress, executed 9]"
	invalid := settee.Faultf(settee.CodeInvalid, "no")
	for what, c := range map[string]struct {
		refuse map[string]error // once each
		told   string
		named  int
	}{
		"refused": {map[string]error{all: invalid}, all + "; executed 8; progress; executed 9; completed []", 2},
		"an output is refused": {map[string]error{all: invalid, "executed 9": invalid},
			all + "; executed 8; progress; executed 9; failed []", 1},
		"a frame is refused": {map[string]error{all: invalid, "progress": invalid}, all + "; executed 8; progress; failed []", 1},
		"away":               {map[string]error{all: settee.Faultf(settee.CodeUnavailable, "away")}, all + "; " + all, 2},
		"away, then the output": {map[string]error{all: invalid, "executed 8": settee.Faultf(settee.CodeUnavailable, "away")},
			all + "; executed 8; executed 8; progress; executed 9; completed []", 2},
		"the ending too": {map[string]error{all: invalid, "completed []": invalid},
			all + "; executed 8; progress; executed 9; completed []; completed []", 2},
	} {
		t.Run(what, func(t *testing.T) {
			told, named := play(t, func(what string) error {
				err := c.refuse[what]
				delete(c.refuse, what)
				return err
			}, run)
			if told != c.told || len(named) != c.named {
				t.Errorf("told %s, named %s\nwant %s, %d names", told, named, c.told, c.named)
			}
			if slices.ContainsFunc(named, func(n string) bool { return strings.Contains(n, "ending") }) != (what == "away") {
				t.Errorf("named %s", named)
			}
		})
	}
}
