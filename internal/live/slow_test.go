package live_test

import (
	"context"
	"errors"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
)

func TestSlowListenerLosesPreviewsThenProgressThenItsSession(t *testing.T) {
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways, MaxQueued: 8})
	defer h.hub.Close()
	slow := h.attach(live.Listener{ClientID: "slow"})
	defer slow.Close()
	slow.Received([]byte(`{}`))
	expect(t, "slow", slow, greeting(0, "slow"))
	fast := h.attach(live.Listener{ClientID: "fast"})
	defer fast.Close()
	fast.Received([]byte(`{}`))
	expect(t, "fast", fast, greeting(0, "fast"))

	p, q := &tale{job: "p"}, &tale{job: "q"}
	result := p.plain(2, "result")
	result.Wanted = true
	// The replay of the greeting has made room for one more: nine.
	frames := []settee.Frame{
		p.start(), p.state("1"), p.progress(1), p.plain(1, "x"), q.state("1"), q.progress(1), p.state("2"), result, p.plain(1, "y"),
		p.executed("1"), // pushes the previews out
		p.progress(2),
		status(1), // pushes out what newer progress has superseded
		status(2),
	}
	for _, f := range frames {
		h.publish(f)
		expect(t, "fast", fast, texts(f)...)
	}
	expect(t, "slow", slow, texts(append([]settee.Frame{frames[0], frames[4], frames[5], frames[6], frames[7]}, frames[9:]...)...)...)

	full := []settee.Frame{p.executed("1"), p.executed("2"), p.executed("3"), p.executed("4"), p.executed("5"),
		p.executed("6"), p.executed("7"), p.executed("8"), p.executed("9")}
	for _, f := range append(full, p.plain(1, "no room for previews")) {
		h.publish(f)
		expect(t, "fast", fast, texts(f)...)
	}
	expect(t, "slow", slow, texts(full...)...)
	for range 10 {
		f := p.executed("1")
		h.publish(f)
		expect(t, "fast", fast, texts(f)...)
	}
	if _, err := slow.Next(context.Background()); !errors.Is(err, live.ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
	h.publish(status(7))
	expect(t, "fast", fast, texts(status(7))...)
}

func TestQueueIsBoundByBytesButTakesOneLargeMessage(t *testing.T) {
	h := newHouse(t, live.Options{MaxBytes: 1000})
	defer h.hub.Close()
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	s.Received([]byte(`{}`))
	expect(t, "it", s, greeting(0, "me"))
	j := &tale{job: "p"}
	large := j.frame("custom", `{"text":"`+string(make8k())+`"}`)
	h.publish(large)
	expect(t, "it", s, texts(large)...)
	h.publish(large, status(1))
	if _, err := s.Next(context.Background()); !errors.Is(err, live.ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
}

func make8k() []byte {
	b := make([]byte, 8<<10)
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func TestCloseLetsListenersTakeWhatWaits(t *testing.T) {
	h := newHouse(t, live.Options{})
	s := h.attach(live.Listener{ClientID: "me"})
	h.publish(status(1))
	ended := make(chan []string, 1)
	go func() {
		defer s.Close()
		var all []string
		for {
			m, err := s.Next(context.Background())
			if err != nil {
				ended <- append(all, err.Error())
				return
			}
			all = append(all, show(m))
		}
	}()
	h.hub.Close()
	got := <-ended
	if len(got) != 3 || got[1] != texts(status(1))[0] || got[2] != live.ErrShutdown.Error() {
		t.Errorf("got %q", got)
	}
	if _, err := h.hub.Attach(context.Background(), live.Listener{AccountID: acct}); !errors.Is(err, live.ErrShutdown) {
		t.Errorf("attach after close: %v", err)
	}
}

func TestNextEndsWithItsContextAndWithClose(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	s := h.attach(live.Listener{ClientID: "me"})
	heard(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.Close()
	s.Close()
	h.publish(status(1))
	if _, err := s.Next(context.Background()); !errors.Is(err, live.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAttachFailsWithTheHistoryAndWorksAfterwards(t *testing.T) {
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	h.past.err = errors.New("the database is away")
	if _, err := h.hub.Attach(context.Background(), live.Listener{AccountID: acct, ClientID: "me"}); !errors.Is(err, h.past.err) {
		t.Errorf("got %v", err)
	}
	h.past.err = nil
	s := h.attach(live.Listener{ClientID: "me"})
	defer s.Close()
	expect(t, "it", s, greeting(0, "me"))
}
