package live_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// A bus that loses every message costs time and nothing else.
func TestEverythingLostIsToldByTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{Repair: time.Second})
		defer h.hub.Close()
		var counts queue.Counts
		var trails []record.Trail
		h.past.counts = func() queue.Counts { return counts }
		h.past.trails = func(since time.Time) (some []record.Trail) {
			for _, t := range trails {
				if !t.State.Terminal() || !t.EndedAt.Before(since) {
					some = append(some, t)
				}
			}
			return some
		}
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		s.Received([]byte(`{}`))
		expect(t, "at first", s, greeting(0, "me"))

		j := &tale{job: "p"}
		frames := []settee.Frame{j.start(), j.cached()}
		h.past.set(func() {
			counts, trails = queue.Counts{Running: 1, Version: 1}, []record.Trail{running(frames...)}
		})
		pass(time.Second)
		expect(t, "it may still be on its way", s)
		pass(time.Second)
		expect(t, "it is lost", s, texts(status(1), frames[0], frames[1])...)

		h.past.set(func() {
			counts, trails = queue.Counts{Version: 2}, []record.Trail{over("p", "", time.Now()), over("q", "", time.Now())}
		})
		pass(time.Second)
		expect(t, "it may still be on its way", s)
		pass(time.Second)
		want := append(texts(status(0)), told("p")[2:5]...)
		expect(t, "the endings are lost", s, append(want, told("q")[:5]...)...)
		pass(2 * time.Second)
		got := heard(t, s)
		if len(got) != 2 || !(got[0] == told("p")[5] && got[1] == told("q")[5] || got[0] == told("q")[5] && got[1] == told("p")[5]) {
			t.Errorf("executing null of both is lost: %q", got)
		}
		h.publish(j.success(), j.closing()) // very late
		pass(5 * time.Minute)
		expect(t, "nothing twice", s)
	})
}

func pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

func TestRepairDoesNotOvertakeTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{Repair: time.Second})
		defer h.hub.Close()
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		s.Received([]byte(`{}`))
		j := &tale{job: "p"}
		frames := []settee.Frame{j.start(), j.state("1"), j.executed("1")}
		h.past.set(func() {
			h.past.counts = func() queue.Counts { return queue.Counts{Running: 1, Version: 1} }
			h.past.trails = func(time.Time) []record.Trail { return []record.Trail{running(frames[0], frames[2])} }
		})
		pass(time.Second)
		h.publish(status(1))
		h.publish(frames...)
		pass(10 * time.Second)
		expect(t, "it", s, append([]string{greeting(0, "me")}, texts(append([]settee.Frame{status(1)}, frames...)...)...)...)
	})
}

func TestAJobThatWaitsAgainIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{Repair: time.Second})
		defer h.hub.Close()
		if err := h.hub.Follow(t.Context(), acct); err != nil {
			t.Fatal(err)
		}
		j := &tale{job: "p"}
		h.publish(j.start(), j.executed("1"))
		h.past.set(func() {
			h.past.counts = func() queue.Counts { return queue.Counts{Pending: 1, Version: 5} }
		})
		pass(3 * time.Second)
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		s.Received([]byte(`{}`))
		expect(t, "it", s, greeting(1, "me"))
	})
}

func TestRoomsAreLeftAMinuteAfterTheirLastListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{})
		defer h.hub.Close()
		reads := 0
		h.past.counts = func() queue.Counts { reads++; return queue.Counts{} }
		j := &tale{job: "p", client: "me"}
		first := h.attach(live.Listener{ClientID: "me"})
		h.publish(j.start(), j.state("1"))
		first.Close()
		pass(30 * time.Second)
		back := h.attach(live.Listener{ClientID: "me"})
		expect(t, "within the minute", back, append([]string{greeting(0, "me")}, texts((&tale{job: "p", client: "me"}).start(), j.state("1"))...)...)
		back.Close()
		pass(2 * time.Minute)
		h.past.set(func() { reads = 0 })
		pass(10 * time.Minute)
		if reads != 0 {
			t.Errorf("%d looks into the history with nobody there", reads)
		}
		last := h.attach(live.Listener{ClientID: "me"})
		defer last.Close()
		expect(t, "after it", last, greeting(0, "me"))
	})
}

// What late listeners may be told of takes bounded memory.
func TestEndedJobsAreKeptUpToABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, live.Options{Repair: time.Second})
		defer h.hub.Close()
		if err := h.hub.Follow(t.Context(), acct); err != nil {
			t.Fatal(err)
		}
		big := strings.Repeat("x", 5<<20)
		for _, id := range []string{"a", "b", "c"} {
			j := &tale{job: id}
			h.publish(j.start(),
				j.durable("executed", `{"node":"9","output":{"text":["`+big+`"]},"prompt_id":"`+id+`"}`),
				j.success(), j.closing())
		}
		pass(2 * time.Second)
		s := h.attach(live.Listener{ClientID: "me"})
		defer s.Close()
		s.Received([]byte(`{}`))
		got := heard(t, s)
		if len(got) != 1+4 || got[1] != texts((&tale{job: "c"}).start())[0] {
			t.Errorf("%d messages, the second %.100s", len(got), got[min(1, len(got)-1)])
		}
	})
}
