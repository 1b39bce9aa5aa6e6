package live_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/queue"
)

// life is a whole job with its status frames.
func life(j *tale) []settee.Frame {
	return []settee.Frame{status(1), j.start(), j.cached(), j.state("3"), j.executing("3"), j.progress(1),
		j.executed("9"), j.success(), status(0), j.closing()}
}

func only(frames []settee.Frame, kinds ...string) (some []settee.Frame) {
	for _, f := range frames {
		if slices.Contains(kinds, f.Type) {
			some = append(some, f)
		}
	}
	return some
}

func TestProgramHearsAllJobsOfItsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		time.Sleep(live.Patience)
		synctest.Wait()
		expect(t, "at first", s, greeting(0, "me"))
		frames := append(life(&tale{job: "mine", client: "me"}), life(&tale{job: "theirs", client: "other"})...)
		frames = append(frames, life(&tale{job: "nobody's"})...)
		h.publish(frames...)
		expect(t, "then", s, texts(frames...)...)
	})
}

func TestEditorHearsStatusAndItsOwnJobs(t *testing.T) {
	for name, l := range map[string]live.Listener{
		"by its flags":  {ClientID: "me"},
		"by its cookie": {ClientID: "me", Cookie: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, live.Options{})
				defer h.hub.Close()
				s := h.attach(l)
				defer s.Close()
				want := []string{greeting(0, "me")}
				if !l.Cookie {
					s.Received([]byte(editorFlags))
					want = append(want, flagsAnswer)
				}
				time.Sleep(2 * live.Patience)
				synctest.Wait()
				own, other := life(&tale{job: "mine", client: "me"}), life(&tale{job: "theirs", client: "other"})
				h.publish(own...)
				h.publish(other...)
				h.publish(life(&tale{job: "nobody's"})...)
				want = append(want, texts(own...)...)
				want = append(want, texts(only(other, "status")...)...)
				want = append(want, texts(only(other, "status")...)...)
				expect(t, "the editor", s, want...)
			})
		})
	}
}

func TestUndecidedHearsItsOwnJobsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		own, other := &tale{job: "mine", client: "me"}, &tale{job: "theirs", client: "other"}
		early := []settee.Frame{status(2), own.start(), other.start(), own.executing("1"), other.executing("1")}
		h.publish(early...)
		expect(t, "before it is clear", s, append([]string{greeting(0, "me")}, texts(early[0], early[1], early[3])...)...)
		time.Sleep(live.Patience - time.Millisecond)
		synctest.Wait()
		expect(t, "still", s)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		expect(t, "then the durable events it missed, once", s, texts(early[2])...)
		late := []settee.Frame{other.executed("9"), own.executed("9")}
		h.publish(late...)
		expect(t, "and all that follows", s, texts(late...)...)
	})
}

func TestOpenModeRoutesAsComfyUI(t *testing.T) {
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
	defer h.hub.Close()
	a := h.attach(live.Listener{ClientID: "a", Open: true})
	defer a.Close()
	b := h.attach(live.Listener{ClientID: "b", Open: true})
	defer b.Close()
	a.Received([]byte(plainFlags))
	expect(t, "a", a, greeting(0, "a"), flagsAnswer)
	expect(t, "b", b, greeting(0, "b"))

	owned := &tale{job: "p", client: "a"}
	frames := life(owned)[:7]
	interrupted := owned.durable("execution_interrupted", `{"prompt_id":"p"}`)
	blocked := owned.frame("execution_error", `{"prompt_id":"p","exception_type":"ExecutionBlocked"}`)
	textFrame := owned.frame("", "")
	textFrame.Data, textFrame.Binary = nil, []byte("\x00\x00\x00\x03\x00\x00\x00\x0212hi")
	custom := owned.frame("crystools.monitor", `{"cpu":1}`)
	frames = append(frames, interrupted, blocked, textFrame, custom)
	h.publish(frames...)
	expect(t, "a, its own job", a, texts(frames...)...)
	expect(t, "b, a's job", b, texts(frames[0], textFrame, custom)...)

	anon := &tale{job: "q"}
	frames = life(anon)[:7]
	frames = append(frames, anon.durable("execution_interrupted", `{"prompt_id":"q"}`))
	failed := (&tale{job: "r"}).durable("execution_error", `{"prompt_id":"r"}`)
	failed.Ended = true
	frames = append(frames, failed, (&tale{job: "s"}).frame("execution_error", `{"prompt_id":"s","exception_type":"ExecutionBlocked"}`))
	h.publish(frames...)
	want := texts(only(frames[:8], "status", "progress", "progress_state", "execution_interrupted")...)
	want = append(want, texts(frames[9])...)
	expect(t, "a, nobody's job", a, want...)
	expect(t, "b, nobody's job", b, want...)
}

func TestOpenModeTellsAClientThatComesBackWhichNodeIsCurrent(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	if err := h.hub.Follow(t.Context(), acct); err != nil {
		t.Fatal(err)
	}
	j := &tale{job: "p", client: "me"}
	h.publish(status(1), j.start(), j.cached(), j.state("3"),
		j.frame("executing", `{"node":"3.0.0.1","display_node":"3","prompt_id":"p"}`))
	s := h.attach(live.Listener{ClientID: "me", Open: true})
	defer s.Close()
	expect(t, "the second socket", s, greeting(1, "me"), `{"type":"executing","data":{"node":"3"}}`)
	other := h.attach(live.Listener{ClientID: "other", Open: true})
	defer other.Close()
	expect(t, "another client", other, greeting(1, "other"))
	h.publish(j.success(), status(0), j.closing())
	last := h.attach(live.Listener{ClientID: "me", Open: true})
	defer last.Close()
	expect(t, "when it is over", last, greeting(0, "me"))
}

func TestOpenModeNewestSocketOfAClientIDIsTheClient(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	first := h.attach(live.Listener{ClientID: "me", Open: true})
	defer first.Close()
	second := h.attach(live.Listener{ClientID: "me", Open: true})
	expect(t, "first", first, greeting(0, "me"))
	expect(t, "second", second, greeting(0, "me"))
	frames := life(&tale{job: "p", client: "me"})
	h.publish(frames...)
	expect(t, "the first is silent, even for status", first)
	expect(t, "the second hears all", second, texts(frames...)...)
	second.Close()
	h.publish(status(5))
	expect(t, "the first is the client again", first, texts(status(5))...)
}

func TestAccountsAreWalls(t *testing.T) {
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
	defer h.hub.Close()
	mine := h.attach(live.Listener{ClientID: "same"})
	defer mine.Close()
	theirs := h.attach(live.Listener{AccountID: "other", ClientID: "same"})
	defer theirs.Close()
	mine.Received([]byte(`{}`))
	theirs.Received([]byte(`{}`))
	frames := life(&tale{job: "p", client: "same"})
	h.publish(frames...)
	expect(t, "mine", mine, append([]string{greeting(0, "same")}, texts(frames...)...)...)
	expect(t, "theirs", theirs, greeting(0, "same"))
}

func TestMessagesBeginWithTypeAndKeepNumbers(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	h.past.counts = func() queue.Counts { return queue.Counts{Pending: 2, Running: 1} }
	s := h.attach(live.Listener{ClientID: `<"x">`})
	defer s.Close()
	s.Received([]byte(`"no object"`)) // ignored, as ComfyUI does
	s.Received([]byte(`{"type":"feature_flags"}`))
	j := &tale{job: "p"}
	seed := j.frame("custom", `{"seed":18446744073709551615,"value":1.0,"text":"\u00e9<&>"}`)
	h.publish(seed)
	expect(t, "it", s, greeting(3, `<\"x\">`), flagsAnswer,
		`{"type":"custom","data":{"seed":18446744073709551615,"value":1.0,"text":"\u00e9\u003c\u0026\u003e"}}`)
	if !json.Valid([]byte(greeting(3, `<\"x\">`))) {
		t.Error("the greeting is no JSON")
	}
}

func TestOnlyTheFirstMessageOfAListenerCounts(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	for _, m := range []string{"nonsense", "[]", ""} {
		if !s.Received([]byte(m)) {
			t.Errorf("%q closed the handshake", m)
		}
	}
	if s.Received([]byte(`{"type":"hello"}`)) {
		t.Error("more is wanted after the first message")
	}
	s.Received([]byte(editorFlags))
	frames := life(&tale{job: "theirs", client: "other"})
	h.publish(frames...)
	expect(t, "a program for good", s, append([]string{greeting(0, "me")}, texts(frames...)...)...)
}
