package comfyui_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
)

// again is another plain job.
func again() engine.Job {
	j := plainJob()
	j.ID = uuid.NewString()
	return j
}

// One socket serves prompt after prompt; each hears its own frames only.
func TestOneSocketServesManyPrompts(t *testing.T) {
	b := setUp(t, nil)
	for range 5 {
		b.sink = newMemory("client-1")
		j := again()
		j.AccountID = uuid.NewString() // nothing is cached
		b.mustRun(j)
		b.whole()
	}
	if n := b.server.Log().Sockets; n != 1 {
		t.Errorf("%d sockets", n)
	}
}

// A socket that ended, or that fell silent, between two prompts costs a moment.
func TestSocketLostBetweenPrompts(t *testing.T) {
	for name, lose := range map[string]func(b *bench){
		"ended":  func(b *bench) { b.server.Restart() },
		"silent": func(b *bench) { b.server.Mute(false) },
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, func(o *comfyui.Options) {
				o.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // calls do not meet the silence
				o.Poll = time.Minute
			})
			b.mustRun(plainJob())
			lose(b)
			b.sink = newMemory("client-1")
			j := again()
			j.AccountID = uuid.NewString() // nothing is cached
			began := time.Now()
			b.mustRun(j)
			b.whole()
			if took := time.Since(began); took > 40*time.Second { // and not the minute after which it would be asked anyway
				t.Errorf("it took %v", took)
			}
		})
	}
}

// ComfyUI's history stays small while jobs run, and is empty afterwards.
func TestHistoryStaysSmall(t *testing.T) {
	b := setUp(t, nil)
	for range 40 {
		b.sink.begin("client-1")
		b.mustRun(again())
		if n := b.server.Remembered(); n > 24 {
			t.Fatalf("%d entries", n)
		}
	}
	b.engine.Close()
	if n := b.server.Remembered(); n > 0 {
		t.Errorf("%d entries are left", n)
	}
}
