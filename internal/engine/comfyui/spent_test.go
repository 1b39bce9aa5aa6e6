package comfyui_test

import (
	"slices"
	"testing"

	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// History entries that could not be removed are removed with the next ones.
func TestHistoryThatCouldNotBeClearedIsClearedLater(t *testing.T) {
	for name, trouble := range map[string]comfyuitest.Answer{"refused": {Status: 500}, "broken off": {}} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /history": {trouble, trouble}}})
			var want []string
			for range 3 {
				j := plainJob()
				want = append(want, j.ID)
				b.mustRun(j)
				b.engine.Close() // what is to be removed is removed now
			}
			if got := b.server.Log().Forgotten; !slices.Equal(got, want) || b.server.Remembered() > 0 {
				t.Errorf("forgotten %q, want %q", got, want)
			}
		})
	}
}
