package crash_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee/test/process"
)

// submitters is how many clients submit, each one job after another.
const submitters = 4

// load is clients at work on a server that comes and goes: they submit small
// jobs, keep what was acknowledged, and listen.
type load struct {
	t    *testing.T
	c    *client
	stop context.CancelFunc // no more submits
	deaf context.CancelFunc // no more listening
	busy sync.WaitGroup
	ears sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]int    // prompt id → colour
	unknown int               // submits of which nobody knows whether they were taken
	heard   map[string]string // prompt id → its ending's message
}

func newLoad(t *testing.T, base string) *load {
	ctx, stop := context.WithCancel(t.Context())
	listening, deaf := context.WithCancel(t.Context())
	l := &load{t: t, c: &client{base: base}, stop: stop, deaf: deaf, acked: map[string]int{}, heard: map[string]string{}}
	for n := range submitters {
		l.busy.Go(func() { l.submit(ctx, n) })
	}
	l.ears.Go(func() { l.listen(listening) })
	t.Cleanup(func() { // where the test gives up
		stop()
		deaf()
		l.busy.Wait()
		l.ears.Wait()
	})
	return l
}

func (l *load) submit(ctx context.Context, n int) {
	for i := n; ctx.Err() == nil; i += submitters {
		color := i % (1 << 24)
		id, err := l.c.submit(ctx, small(color))
		l.mu.Lock()
		if id != "" {
			l.acked[id] = color
		} else {
			l.unknown++
		}
		l.mu.Unlock()
		if id == "" && err == nil && ctx.Err() == nil {
			pause(ctx, 20*time.Millisecond) // refused: the server is starting, or its database is away
		}
		pause(ctx, 25*time.Millisecond)
	}
}

// listen hears all of the account's jobs. Whoever hears of an ending can read
// it, on a server that comes back too.
func (l *load) listen(ctx context.Context) {
	for ctx.Err() == nil {
		conn, _, err := websocket.Dial(ctx, l.c.base+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {process.Key}}})
		if err != nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		conn.SetReadLimit(1 << 20)
		if conn.Write(ctx, websocket.MessageText, []byte(`{}`)) != nil { // no editor: hears everything at once
			continue
		}
		for {
			kind, text, err := conn.Read(ctx)
			if err != nil {
				break
			}
			var m struct {
				Type string
				Data struct {
					PromptID string `json:"prompt_id"`
				}
			}
			if kind != websocket.MessageText || json.Unmarshal(text, &m) != nil {
				l.t.Errorf("heard %q", text)
				continue
			}
			ending := map[string]string{"execution_success": "completed", "execution_error": "failed", "execution_interrupted": "cancelled"}[m.Type]
			if ending == "" {
				continue
			}
			l.mu.Lock()
			l.heard[m.Data.PromptID] = ending
			l.mu.Unlock()
			if j, ok := l.c.job(l.t, m.Data.PromptID); ok && j.Status != ending {
				l.t.Errorf("heard that %s has %s, and read that it is %s", m.Data.PromptID, m.Type, j.Status)
			}
		}
		conn.CloseNow()
	}
}

// progress waits until some more jobs have ended, so that a server is killed at
// work and not while it starts.
func (l *load) progress(deadline time.Time) {
	l.t.Helper()
	before, known := l.c.total(l.t.Context(), "completed")
	for {
		now, ok := l.c.total(l.t.Context(), "completed")
		if !known {
			before, known = now, ok
		}
		if ok && now >= before+2*submitters {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("only %d jobs have ended since there were %d", now, before)
		}
		pause(l.t.Context(), 5*time.Millisecond)
	}
}

// judge stops the load and asks for everything that was acknowledged.
func (l *load) judge() {
	t := l.t
	l.stop()
	l.busy.Wait()
	if len(l.acked) < 20 {
		t.Fatalf("only %d jobs were acknowledged", len(l.acked))
	}
	var (
		names    = map[file]string{}
		lost     int
		deadline = within(late)
		ids      = make(chan string)
		judges   sync.WaitGroup
	)
	for range submitters {
		judges.Go(func() {
			for id := range ids {
				j := l.c.until(t, id, deadline, job.ended)
				l.mu.Lock()
				if told := l.heard[id]; told != "" && told != j.Status {
					t.Errorf("job %s was heard to be %s and is %s", id, told, j.Status)
				}
				if j.lost() {
					lost++
				} else if j.Status != "completed" || len(j.files()) != 1 {
					t.Errorf("job %s ended as %s (%s) with %d files", id, j.Status, j.Error.Type, len(j.files()))
				}
				for _, f := range j.files() {
					if other, taken := names[f]; taken {
						t.Errorf("jobs %s and %s share the file %v", id, other, f)
					}
					names[f] = id
				}
				color := l.acked[id]
				l.mu.Unlock()
				for _, f := range j.files() {
					l.c.whole(t, f, color)
				}
			}
		})
	}
	for id := range l.acked {
		ids <- id
	}
	close(ids)
	judges.Wait()
	l.deaf()
	l.ears.Wait()
	// A job that three crashes in a row hit while it ran is given up.
	if lost > len(l.acked)/50+1 {
		t.Errorf("%d of %d jobs were given up", lost, len(l.acked))
	}
	for id := range l.heard {
		if _, known := l.acked[id]; !known && l.unknown == 0 {
			t.Errorf("heard of job %s that nobody submitted", id)
		}
	}
	all, ok := l.c.total(t.Context(), "")
	if !ok || all < len(l.acked) || all > len(l.acked)+l.unknown {
		t.Errorf("%d jobs are listed (%v), %d were acknowledged and %d unknown", all, ok, len(l.acked), l.unknown)
	}
	if len(l.heard) < len(l.acked)/10 {
		t.Errorf("%d endings were heard of %d", len(l.heard), len(l.acked))
	}
	t.Logf("%d acknowledged jobs, %d files, %d given up, %d submits cut off, %d endings heard",
		len(l.acked), len(names), lost, l.unknown, len(l.heard))
}

// randomly is a source whose seed the test's log tells.
func randomly(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func within(d time.Duration) time.Time { return time.Now().Add(d) }

// quoted is the part of a server's log that a failure is explained by.
func quoted(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
