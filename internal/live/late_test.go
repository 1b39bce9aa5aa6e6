package live_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/record"
)

// running is what the history keeps of a job that has told these frames.
func running(frames ...settee.Frame) record.Trail {
	t := record.Trail{}
	for _, f := range frames {
		t.ID, t.PromptID, t.ClientID, t.Attempt, t.State = f.JobID, f.PromptID, f.ClientID, f.Attempt, settee.InProgress
		t.Notes = append(t.Notes, record.Note{Seq: f.Seq, Event: settee.Event{Type: f.Type, Data: f.Data}})
	}
	return t
}

// over is what the history keeps of a job that has ended.
func over(promptID, clientID string, at time.Time) record.Trail {
	j := &tale{job: promptID, client: clientID}
	t := running(j.start(), j.cached(), j.executed("9"), j.executed("2"), j.success())
	t.State, t.EndedAt = settee.Completed, at
	return t
}

// told is how a late listener is told of it.
func told(promptID string) []string {
	j := &tale{job: promptID}
	return texts(j.start(), j.cached(), j.executed("9"), j.executed("2"), j.success(), j.closing())
}

// The overview's own listener opens its socket after it has submitted.
func TestLateListenerOfAJobThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		var asked []time.Duration
		h.past.trails = func(since time.Time) []record.Trail {
			asked = append(asked, time.Since(since))
			return []record.Trail{over("first", "", time.Now()), over("second", "", time.Now())}
		}
		s := h.attach(live.Listener{ClientID: "fresh"})
		defer s.Close()
		expect(t, "at once", s, greeting(0, "fresh"))
		if len(asked) != 1 || asked[0] != time.Minute {
			t.Errorf("asked for jobs of the last %v, want once for a minute", asked)
		}
		time.Sleep(live.Patience)
		synctest.Wait()
		expect(t, "after half a second", s, append(told("first"), told("second")...)...)
		h.publish(status(1))
		expect(t, "then as it comes", s, texts(status(1))...)

		again := h.attach(live.Listener{ClientID: "fresh"})
		defer again.Close()
		again.Received([]byte(`{"type":"hello"}`))
		expect(t, "the same client again", again, greeting(1, "fresh"))

		other := h.attach(live.Listener{ClientID: "other"})
		defer other.Close()
		other.Received([]byte(plainFlags))
		expect(t, "another, at its first message", other,
			append([]string{greeting(1, "other"), flagsAnswer}, append(told("first"), told("second")...)...)...)

		time.Sleep(live.Recently)
		late := h.attach(live.Listener{ClientID: "late"})
		defer late.Close()
		late.Received([]byte(`{}`))
		expect(t, "a minute later", late, greeting(0, "late"))
	})
}

func TestLateListenerOfARunningJob(t *testing.T) {
	for name, hub := range map[string]func(h *house, frames []settee.Frame){
		"that the bus told of": func(h *house, frames []settee.Frame) {
			if err := h.hub.Follow(t.Context(), acct); err != nil {
				t.Fatal(err)
			}
			h.publish(frames...)
		},
		"that the history tells of": func(h *house, frames []settee.Frame) {
			var durable []settee.Frame
			for _, f := range frames {
				if f.Seq > 0 {
					durable = append(durable, f)
				}
			}
			h.past.trails = func(time.Time) []record.Trail { return []record.Trail{running(durable...)} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, live.Options{})
			defer h.hub.Close()
			j := &tale{job: "p"}
			before := []settee.Frame{j.start(), j.cached(), j.state("1"), j.executing("1"), j.executed("1"), j.executing("2")}
			hub(h, before)
			s := h.attach(live.Listener{ClientID: "me"})
			defer s.Close()
			s.Received([]byte(`{}`))
			h.publish(before[1], before[4]) // again: a duplicate
			after := []settee.Frame{j.progress(1), j.executed("2"), j.success(), status(0), j.closing()}
			h.publish(after...)
			h.publish(after[2], after[4])
			expect(t, "it", s, append(append([]string{greeting(0, "me")}, texts(before[0], before[1], before[4])...), texts(after...)...)...)
		})
	}
}

func TestClientThatComesBackIsToldOfItsRunningJobAtOnce(t *testing.T) {
	for name, flags := range map[string]string{"editor": editorFlags, "program": `{"type":"hello"}`} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, live.Options{})
			defer h.hub.Close()
			j := &tale{job: "p", client: "me"}
			first := h.attach(live.Listener{ClientID: "me"})
			before := []settee.Frame{j.start(), j.cached(), j.state("1"), j.executing("1"), j.executed("1"), j.state("2"), j.executing("2")}
			h.publish(before...)
			first.Close()
			s := h.attach(live.Listener{ClientID: "me"})
			defer s.Close()
			want := append([]string{greeting(0, "me")}, texts(before[0], before[1], before[4], before[5], before[6])...)
			expect(t, "at once", s, want...)
			s.Received([]byte(flags))
			want = nil
			if name == "editor" {
				want = []string{flagsAnswer}
			}
			after := []settee.Frame{j.executed("2"), j.success(), status(0), j.closing()}
			h.publish(after...)
			expect(t, "then, nothing twice", s, append(want, texts(after...)...)...)
		})
	}
}

func TestNobodyIsToldOfAJobThatItsOwnClientHasHeardEnd(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	owner := h.attach(live.Listener{ClientID: "owner"})
	frames := life(&tale{job: "p", client: "owner"})
	h.publish(frames...)
	expect(t, "the owner", owner, append([]string{greeting(0, "owner")}, texts(frames...)...)...)
	owner.Close()
	s := h.attach(live.Listener{ClientID: "next"})
	defer s.Close()
	s.Received([]byte(`{}`))
	expect(t, "the next", s, greeting(0, "next"))
}

// Jobs submitted together are listened to one after the other: the first socket
// hears all of them end, and the second must still be told.
func TestOneListenerAfterTheOther(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	first := h.attach(live.Listener{ClientID: "x"})
	first.Received([]byte(`{}`))
	frames := append(life(&tale{job: "p"}), life(&tale{job: "q"})...)
	h.publish(frames...)
	expect(t, "the first", first, append([]string{greeting(0, "x")}, texts(frames...)...)...)
	first.Close()
	second := h.attach(live.Listener{ClientID: "y"})
	defer second.Close()
	second.Received([]byte(`{}`))
	want := []string{greeting(0, "y")}
	for _, of := range [][]settee.Frame{frames[:10], frames[10:]} {
		want = append(want, texts(of[1], of[2], of[6], of[7], of[9])...)
	}
	expect(t, "the second", second, want...)
}

func TestLateListenerBetweenTheEndingAndExecutingNull(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	if err := h.hub.Follow(t.Context(), acct); err != nil {
		t.Fatal(err)
	}
	frames := life(&tale{job: "p"})
	h.publish(frames[:8]...)
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	s.Received([]byte(`{}`))
	h.publish(frames[8:]...)
	want := append([]string{greeting(1, "me")}, texts(frames[1], frames[2], frames[6], frames[7])...)
	expect(t, "it", s, append(want, texts(frames[8:]...)...)...)
}

func TestAnotherAttemptStartsOver(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	if err := h.hub.Follow(t.Context(), acct); err != nil {
		t.Fatal(err)
	}
	one := &tale{job: "p"}
	lost := []settee.Frame{one.start(), one.cached(), one.executed("1")}
	h.publish(lost...)
	two := &tale{job: "p", attempt: 2, seq: 1 << 16}
	next := []settee.Frame{two.start(), two.cached()}
	h.publish(next...)
	h.publish(one.executed("2")) // of the attempt that lost its lease
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	s.Received([]byte(`{}`))
	expect(t, "it", s, append([]string{greeting(0, "me")}, texts(next...)...)...)
}

func TestOpenModeReplaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		h.past.trails = func(time.Time) []record.Trail { return []record.Trail{over("p", "me", time.Now())} }
		s := h.attach(live.Listener{ClientID: "me", Open: true})
		defer s.Close()
		s.Received([]byte(`{}`))
		time.Sleep(2 * live.Patience)
		synctest.Wait()
		expect(t, "it", s, greeting(0, "me"))
	})
}

func TestEditorIsNotToldOfEndedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		h.past.trails = func(time.Time) []record.Trail { return []record.Trail{over("p", "me", time.Now())} }
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		s.Received([]byte(editorFlags))
		time.Sleep(2 * live.Patience)
		synctest.Wait()
		expect(t, "it", s, greeting(0, "me"), flagsAnswer)
	})
}

func TestMissedEventsAreNotBoundByTheQueue(t *testing.T) {
	h := newHouse(t, live.Options{MaxQueued: 4})
	defer h.hub.Close()
	h.past.trails = func(time.Time) []record.Trail {
		return []record.Trail{over("p", "", time.Now())}
	}
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	s.Received([]byte(`{}`))
	h.publish(status(1), status(2))
	expect(t, "it", s, append(append([]string{greeting(0, "me")}, told("p")...), texts(status(1), status(2))...)...)
}
