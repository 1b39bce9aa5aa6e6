package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// What claims wait for goes with the last of them, so that variants that were may
// be forgotten; those who still wait hear as before.
func TestHintsGoWithTheirClaims(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		h.submit("a", "p")
		first := h.open("first", "native")
		l := h.claim(first)
		if n := h.Hints(); n != 0 {
			t.Errorf("%d hints after a claim", n)
		}
		stays := h.seek(h.open("stays", "native"))
		gone := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, d := range []settee.Description{{}, {Definitions: []byte(`{"Other":{}}`)}} {
			s, err := h.Open(t.Context(), "leaves", "native", d)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, err := h.Claim(ctx, s, false)
				gone <- err
			}()
		}
		h.idle(3)
		if n := h.Hints(); n != 2 {
			t.Errorf("%d hints for two variants", n)
		}
		cancel()
		for range 2 {
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if n := h.Hints(); n != 1 {
			t.Errorf("%d hints while one waits", n)
		}
		h.finish(l, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained})
		if got := h.gets(stays); got.PromptID != "p" {
			t.Errorf("got %s", got.PromptID)
		}
		if n := h.Hints(); n != 0 {
			t.Errorf("%d hints in the end", n)
		}
	})
}
