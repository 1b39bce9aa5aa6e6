package worker_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// desk is a coordinator with a queue, and an engine of depth 2 that runs one job
// at a time, each for as long as its extra_data say. It writes down what happens
// and when.
type desk struct {
	*coordinator
	mu      sync.Mutex
	begun   time.Time
	log     []string
	queue   []*queue.Lease
	refuse  string // the job that Start refuses
	turn    chan struct{}
	fail    map[string]error // what running a job returns
	yields  time.Duration    // how long the engine takes to give up what waits
	changed bool             // the engine says something else of itself
}

func newDesk() *desk {
	return &desk{coordinator: newCoordinator(), begun: time.Now(), turn: make(chan struct{}, 1), fail: map[string]error{}}
}

func (d *desk) note(what, job string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, what+" "+job+" "+time.Since(d.begun).String())
}

// did is what happened of these kinds.
func (d *desk) did(kinds ...string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var some []string
	for _, line := range d.log {
		if what, _, _ := strings.Cut(line, " "); slices.Contains(kinds, what) {
			some = append(some, line)
		}
	}
	return strings.Join(some, ", ")
}

// submit queues jobs, at once.
func (d *desk) submit(jobs ...*queue.Lease) {
	d.mu.Lock()
	d.queue = append(d.queue, jobs...)
	d.mu.Unlock()
	select {
	case d.leases <- nil: // wakes
	default:
	}
}

// of is a job of a class that runs for a while.
func of(id, class string, takes time.Duration) *queue.Lease {
	l := lease(id)
	l.Graph.ExtraData = json.RawMessage(`{"takes":` + strconv.Itoa(int(takes)) + `}`)
	l.Graph.Prompt = json.RawMessage(`{"1":{"class_type":"` + class + `"}}`)
	return l
}

func (d *desk) Claim(ctx context.Context, s queue.Session, ahead bool) (*queue.Lease, error) {
	for {
		d.mu.Lock()
		if len(d.queue) > 0 {
			l := *d.queue[0]
			d.queue = d.queue[1:]
			l.Ahead, l.Attempt.SessionID = ahead, s.ID
			d.mu.Unlock()
			if ahead {
				d.note("ahead", l.PromptID)
			}
			return &l, nil
		}
		d.mu.Unlock()
		if ahead {
			return nil, nil
		}
		select {
		case <-d.leases:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *desk) Start(_ context.Context, a queue.Attempt) (time.Time, error) {
	d.note("start", a.JobID)
	if a.JobID == d.refuse {
		return time.Time{}, settee.Faultf(settee.CodeLeaseLost, "taken back")
	}
	return time.Time{}, nil
}

func (d *desk) Report(_ context.Context, a queue.Attempt, _ []settee.Frame) error {
	d.note("frame", a.JobID)
	return nil
}

func (d *desk) Finish(_ context.Context, a queue.Attempt, e queue.Ending, _ ...queue.Step) error {
	<-time.After(time.Millisecond) // a commit takes its time
	d.note(string(e.State)+string(e.Reason), a.JobID)
	d.endings <- e
	return nil
}

// Describe and Run are the engine's.
func (d *desk) Describe(context.Context) (settee.Description, error) {
	if d.changed {
		return settee.Description{Engine: "test", Version: "2", Depth: 2}, nil
	}
	return settee.Description{Engine: "test", Version: "1", Depth: 2}, nil
}

type desked struct{ *desk }

func (d desked) Run(ctx context.Context, job engine.Job, out engine.Sink) error {
	d.note("given", job.PromptID)
	if err := d.fail["at once "+job.PromptID]; err != nil {
		return err
	}
	interrupted := &engine.Interrupted{Event: settee.Event{Type: settee.EventInterrupted, Data: json.RawMessage(`{}`)}}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		<-time.After(d.yields)
		d.note("withdrawn", job.PromptID)
		return interrupted
	}
	leave := sync.OnceFunc(func() { <-d.turn })
	defer leave()
	var extra struct{ Takes, Brings time.Duration }
	if err := json.Unmarshal(job.ExtraData, &extra); err != nil {
		return err
	}
	if err := out.Event(ctx, settee.Event{Type: settee.EventStart, Data: json.RawMessage(`{}`)}); err != nil {
		d.note("withdrawn", job.PromptID)
		return err
	}
	select {
	case <-time.After(extra.Takes):
	case <-ctx.Done():
		d.note("interrupted", job.PromptID)
		return interrupted
	}
	leave()
	<-time.After(extra.Brings)
	return d.fail[job.PromptID]
}

// scene runs a worker at a desk that has run a job of class A for a second.
func scene(t *testing.T, f func(d *desk, stop context.CancelFunc)) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- newWorker(d, desked{d}, 3*time.Second).Run(ctx) }()
		d.submit(of("first", "A", time.Second))
		<-d.endings
		d.log, d.begun = nil, time.Now()
		f(d, cancel)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (d *desk) want(t *testing.T, kinds, want string) {
	t.Helper()
	if got := d.did(strings.Fields(kinds)...); got != want {
		t.Errorf("of %s\n got %s\nwant %s", kinds, got, want)
	}
}

// ends waits for that many endings.
func (d *desk) ends(n int) {
	for range n {
		<-d.endings
	}
}

// Equal short jobs follow each other without a gap, in order, and nothing of one
// is told before the ending of the one before is written down, beside which it is
// started.
func TestShortJobsFollowEachOther(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.submit(of("a", "A", 100*time.Millisecond), of("b", "A", 100*time.Millisecond), of("c", "A", 100*time.Millisecond))
		d.ends(3)
		d.want(t, "given ahead", "given a 0s, ahead b 0s, given b 0s, ahead c 100ms, given c 100ms")
		d.want(t, "start frame completed", "frame a 0s, start b 100ms, completed a 101ms, frame b 101ms, "+
			"start c 200ms, completed b 201ms, frame c 201ms, completed c 301ms")
	})
}

// While results of one job are brought over the next runs already, and the one
// after that lies ahead; nothing of them is told before its ending.
func TestResultsAreBroughtOverBesideTheNextJobs(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		var jobs []*queue.Lease
		for _, id := range []string{"a", "b", "c", "d"} {
			l := of(id, "A", 100*time.Millisecond)
			l.Graph.ExtraData = json.RawMessage(`{"takes":100000000,"brings":150000000}`)
			jobs = append(jobs, l)
		}
		d.submit(jobs...)
		d.ends(4)
		d.want(t, "ahead", "ahead b 0s, ahead c 100ms, ahead d 250ms")
		d.want(t, "start frame completed", "frame a 0s, start b 250ms, completed a 251ms, frame b 251ms, "+
			"start c 350ms, completed b 351ms, frame c 351ms, start d 450ms, completed c 451ms, frame d 451ms, completed d 551ms")
	})
}

// The next job is claimed when the one that runs is expected to end within a
// second, and by a worker that knows how long it takes.
func TestClaimsAheadWithinASecond(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.submit(of("a", "Long", 10*time.Second), of("b", "Long", 10*time.Second), of("c", "Long", 10*time.Second))
		d.ends(3)
		d.want(t, "given ahead", "given a 0s, given b 10s, ahead c 19s, given c 19s")
	})
}

// A job that comes while the one that runs has little time left is claimed too.
func TestLooksAgainForAJobToClaimAhead(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.submit(of("a", "A", time.Second))
		<-time.After(400 * time.Millisecond)
		d.submit(of("b", "A", time.Second))
		d.ends(2)
		d.want(t, "ahead", "ahead b 500ms")
	})
}

// When a job takes two seconds longer than expected, what lies ahead is handed
// back; jobs of its kind are expected to take as long from then on.
func TestWhatLiesAheadOfALongJobIsHandedBack(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.submit(of("a", "A", 10*time.Second), of("b", "A", time.Second))
		d.ends(1)
		d.want(t, "ahead withdrawn pendingdrained start", "ahead b 0s, withdrawn b 3s, pendingdrained b 3.001s")
		d.submit(of("c", "A", time.Second))
		d.ends(1)
		d.want(t, "ahead", "ahead b 0s")
		d.submit(of("d", "A", time.Second), of("e", "A", time.Second))
		d.ends(3)
		d.want(t, "completed", "completed a 10.001s, completed c 11.001s, completed d 12.001s, completed e 13.001s")
		d.want(t, "ahead", "ahead b 0s")
	})
}

// An engine may take its time to hand it back: it is told once, and waited for.
func TestHandingBackTakesItsTime(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.yields = 4 * time.Second
		d.submit(of("a", "A", 10*time.Second), of("b", "A", time.Second))
		d.ends(2)
		d.want(t, "ahead withdrawn pendingdrained completed", "ahead b 0s, withdrawn b 7s, pendingdrained b 7.001s, completed a 10.001s")
	})
}

// A job that was taken back or cancelled is not started: its run ends, the other
// goes on, and nobody hears of it.
func TestWhatIsTakenBackDoesNotStart(t *testing.T) {
	t.Run("told", func(t *testing.T) {
		scene(t, func(d *desk, _ context.CancelFunc) {
			d.submit(of("a", "A", time.Second), of("b", "A", time.Second))
			<-time.After(300 * time.Millisecond)
			d.orders <- []queue.Order{{Attempt: queue.Attempt{JobID: "b", N: 1, SessionID: "a"}, Reason: settee.ReasonRevoked}}
			d.ends(2)
			d.want(t, "withdrawn interrupted start frame completed", "frame a 0s, withdrawn b 300ms, completed a 1.001s")
		})
	})
	t.Run("not told", func(t *testing.T) {
		scene(t, func(d *desk, _ context.CancelFunc) {
			d.refuse = "b"
			d.submit(of("a", "A", time.Second), of("b", "A", time.Second), of("c", "B", time.Second))
			d.ends(3)
			d.want(t, "withdrawn interrupted frame completed",
				"frame a 0s, interrupted b 1s, completed a 1.001s, frame c 1.001s, completed c 2.001s")
		})
	})
}

// When the engine failed a job of its own fault, what lies ahead is handed back
// and not started, and the engine describes itself anew.
func TestNothingStartsBehindAFailedEngine(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		<-d.opened
		d.fail["a"] = io.ErrUnexpectedEOF
		d.submit(of("a", "A", 500*time.Millisecond), of("b", "A", time.Second))
		d.ends(2)
		if id := <-d.opened; id != "b" {
			t.Errorf("opened session %q", id)
		}
		d.want(t, "start pendinglost", "pendinglost a 501ms")
		d.want(t, "pendingdrained", "pendingdrained b 501ms")
	})
}

// A worker that is to stop hands back at once what lies ahead; what runs has its
// time.
func TestDrainHandsBackWhatLiesAhead(t *testing.T) {
	scene(t, func(d *desk, stop context.CancelFunc) {
		d.submit(of("a", "A", time.Second), of("b", "A", time.Second))
		<-time.After(300 * time.Millisecond)
		stop()
		d.ends(2)
		d.want(t, "start withdrawn pendingdrained completed", "withdrawn b 300ms, pendingdrained b 301ms, completed a 1.001s")
	})
}

// A job that the engine refuses while it lies ahead fails in its turn.
func TestWhatIsRefusedAheadFailsInItsTurn(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		d.fail["at once b"] = &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: json.RawMessage(`{}`)}}
		d.submit(of("a", "A", time.Second), of("b", "A", time.Second))
		d.ends(2)
		d.want(t, "start completed failederror", "start b 1s, completed a 1.001s, failederror b 1.002s")
	})
}

// A lost session stops all that it had.
func TestLostSessionDropsWhatLiesAhead(t *testing.T) {
	scene(t, func(d *desk, _ context.CancelFunc) {
		<-d.opened
		d.submit(of("a", "A", time.Second), of("b", "A", time.Second))
		<-time.After(300 * time.Millisecond)
		d.lost <- struct{}{}
		if id := <-d.opened; id != "b" {
			t.Errorf("opened session %q", id)
		}
		d.want(t, "start completed interrupted", "interrupted a 300ms")
		d.want(t, "withdrawn", "withdrawn b 300ms")
	})
}
