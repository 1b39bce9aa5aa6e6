package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// Limits of what waits to be reported.
const (
	linger   = time.Millisecond // events that come together go together
	crowded  = 4 << 20          // bytes: over it previews that nobody asked for are dropped
	full     = 16 << 20         // bytes: over it the engine waits
	answered = 10 * time.Second // a report, in one try
)

// trail is what an attempt has told so far.
type trail struct {
	send  sync.Mutex // one call at a time, in order
	last  int        // batch; under send
	steps int        // that were told before the ending; its caller's

	mu      sync.Mutex
	waiting []wire.Frame
	bytes   int
	late    *time.Timer  // sends what waits
	number  int          // of the newest durable event
	kept    []wire.Frame // durable events that the server may not have written down yet
	watched bool
	err     error // why nothing more is told
}

// Report has events and previews passed on, in order, and returns at once; why
// they were not taken is what a later call returns.
func (k *Coordinator) Report(ctx context.Context, a queue.Attempt, frames []settee.Frame) error {
	s, t, err := k.trail(a)
	if err != nil {
		return err
	}
	t.mu.Lock()
	for _, f := range frames {
		t.add(wire.FrameOf(f))
	}
	err, wait := t.err, t.bytes > full
	if err == nil && t.late == nil && len(t.waiting) > 0 {
		t.late = time.AfterFunc(linger, func() { _ = k.flush(s.ctx, s, t, a) }) // the next call returns it
	}
	t.mu.Unlock()
	if err == nil && wait {
		err = k.flush(ctx, s, t, a)
	}
	return err
}

func (k *Coordinator) trail(a queue.Attempt) (*session, *trail, error) {
	s, err := k.of(a.SessionID)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.trails[a]; t != nil {
		return s, t, nil
	}
	return nil, nil, settee.Faultf(settee.CodeLeaseLost, "the attempt is over")
}

// unseen reports a picture that is not told. The caller holds mu.
func (t *trail) unseen(f wire.Frame) bool {
	return f.Type == "" && (!t.watched || !f.Wanted && t.bytes+len(f.Binary) > crowded || len(f.Binary) > wire.MaxFrame)
}

// add has a frame wait. The caller holds mu.
func (t *trail) add(f wire.Frame) {
	if t.unseen(f) {
		return
	}
	if f.Type == settee.EventStart || f.Type == settee.EventCached {
		t.number++
		f.Number = t.number
		t.kept = append(t.kept, f)
	}
	t.waiting = append(t.waiting, f)
	t.bytes += len(f.Data) + len(f.Binary)
}

// take is what waits, or the first of it.
func (t *trail) take() []wire.Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late != nil {
		t.late.Stop()
		t.late = nil
	}
	n, size := 0, 0
	for n < len(t.waiting) {
		size += len(t.waiting[n].Data) + len(t.waiting[n].Binary)
		if n > 0 && size > wire.MaxFrame {
			break
		}
		n++
	}
	some := t.waiting[:n:n]
	t.waiting = t.waiting[n:]
	t.bytes = 0
	for _, f := range t.waiting {
		t.bytes += len(f.Data) + len(f.Binary)
	}
	return some
}

// missing are the durable events after told, and before the first of frames or
// the number of the call itself.
func (t *trail) missing(told int, frames []wire.Frame) []wire.Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.kept), func(f wire.Frame) bool {
		return f.Number <= told || slices.ContainsFunc(frames, func(g wire.Frame) bool { return g.Number == f.Number })
	})
}

func (t *trail) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	return err
}

// flush tells what waits.
func (k *Coordinator) flush(ctx context.Context, s *session, t *trail, a queue.Attempt) error {
	t.send.Lock()
	defer t.send.Unlock()
	for {
		frames := t.take()
		if len(frames) == 0 {
			return nil
		}
		var out wire.Reported
		err := k.told(ctx, s, t, frames, func(ctx context.Context, r wire.Report) error {
			return k.post(ctx, answered, s.attempt(a)+"/report", r, &out)
		})
		if err != nil {
			return t.fail(err)
		}
		t.heard(out)
	}
}

func (t *trail) heard(out wire.Reported) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched = out.Watched
}

func (s *session) attempt(a queue.Attempt) string {
	return s.path() + "/jobs/" + a.JobID + "/" + strconv.Itoa(a.N)
}

// told makes a call that reports frames first, until it is answered. When the
// server has forgotten events that were told, because it was started again, they
// are told once more. The caller holds t.send.
func (k *Coordinator) told(ctx context.Context, s *session, t *trail, frames []wire.Frame, call func(context.Context, wire.Report) error) error {
	return k.steadily(ctx, s, func(ctx context.Context) error {
		for tries := 0; ; tries++ {
			r := wire.Report{Frames: frames}
			if len(frames) > 0 {
				r.Batch = t.last + 1
			}
			err := call(ctx, r)
			gap, ok := errors.AsType[*denial](err)
			if !ok || gap.Code != wire.CodeGap || gap.Told == nil || tries > 2 {
				if err == nil {
					t.last = max(t.last, r.Batch)
				}
				return err
			}
			lost := t.missing(*gap.Told, frames)
			if len(lost) == 0 {
				return errOver
			}
			frames = append(lost, frames...)
			t.last++ // it is another batch now
		}
	})
}

// Execute names a node's files and has executed sent.
func (k *Coordinator) Execute(ctx context.Context, a queue.Attempt, x engine.Executed) (json.RawMessage, error) {
	s, t, err := k.trail(a)
	if err != nil {
		return nil, err
	}
	if err := k.ahead(ctx, s, t, a); err != nil {
		return nil, err
	}
	t.send.Lock()
	defer t.send.Unlock()
	frames := t.take()
	t.mu.Lock()
	t.number++
	in := wire.Execute{Number: t.number, Output: wire.Output{Executed: x, Receipts: s.receiptsOf(x)}}
	t.mu.Unlock()
	var out wire.Executed
	err = k.told(ctx, s, t, frames, func(ctx context.Context, r wire.Report) error {
		in.Report = r
		return k.post(ctx, answered, s.attempt(a)+"/execute", in, &out)
	})
	if err != nil {
		return nil, t.fail(err)
	}
	t.mu.Lock()
	t.kept = slices.DeleteFunc(t.kept, func(f wire.Frame) bool { return f.Number < in.Number })
	t.mu.Unlock()
	t.heard(out.Reported)
	return out.Output, nil
}

// ahead tells what waits when it is much, and returns why nothing is told.
func (k *Coordinator) ahead(ctx context.Context, s *session, t *trail, a queue.Attempt) error {
	t.mu.Lock()
	err, much := t.err, t.bytes > crowded
	t.mu.Unlock()
	if err == nil && much {
		err = k.flush(ctx, s, t, a)
	}
	return err
}

func (s *session) receiptsOf(x engine.Executed) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := map[string]string{}
	for _, key := range x.Output {
		for _, e := range key.Entries {
			if e.New != nil && s.receipts[e.New.Blob.Hash] != "" {
				shown[e.New.Blob.Hash] = s.receipts[e.New.Blob.Hash]
			}
		}
	}
	return shown
}
