package comfyui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// stopping is a run that is to end early.
type stopping struct {
	cause error // of our own; nil: the caller asked
	since time.Time
	tries int
}

func (r *run) stopping(s *stopping, cause error) *stopping {
	if s != nil {
		return s
	}
	return &stopping{cause: cause, since: r.e.opt.Now()}
}

// pause grows from 50 ms to a second: an interrupt that comes between dequeue
// and start is lost, so it is sent again until the prompt has ended (protocol
// note 7.3).
func (s *stopping) pause() time.Duration {
	return min(50*time.Millisecond<<min(s.tries, 5), time.Second)
}

// push takes the prompt out of the queue, or interrupts it while it is the one
// that runs. It never touches another prompt.
func (r *run) push(ctx context.Context, s *stopping, at place) {
	s.tries++
	if err := r.e.push(ctx, r.id, at); err != nil {
		r.e.opt.Log.Warn("stopping a prompt failed", "prompt", r.id, "error", err)
	}
}

// cancelRoute says which route cancels a prompt.
type cancelRoute int

const (
	cancelUnknown  cancelRoute = iota
	cancelByJob                // POST /api/jobs/{id}/cancel: exactly
	cancelByID                 // POST /interrupt with the prompt's id
	cancelWhatRuns             // the same, but an old server does not look at the id
)

// push cancels a prompt that waits or runs.
func (e *Engine) push(ctx context.Context, id string, at place) error {
	route, err := e.cancelRoute(ctx, id)
	switch {
	case err != nil || route == cancelByJob:
		return err
	case at == pending:
		return e.server.post(ctx, "/queue", map[string][]string{"delete": {id}})
	}
	return e.server.post(ctx, "/interrupt", map[string]string{"prompt_id": id})
}

// cancelRoute finds out how this server cancels, by cancelling a prompt the newest
// way.
func (e *Engine) cancelRoute(ctx context.Context, id string) (cancelRoute, error) {
	e.mu.Lock()
	route := e.cancels
	e.mu.Unlock()
	if route != cancelUnknown && route != cancelByJob {
		return route, nil
	}
	status, answer, err := e.server.call(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(id)+"/cancel", []byte("{}"))
	if err != nil {
		return route, err
	}
	var told struct{ Cancelled *bool }
	switch {
	case status == http.StatusOK && json.Unmarshal(answer, &told) == nil && told.Cancelled != nil:
		route = cancelByJob
	case status >= http.StatusInternalServerError:
		return cancelByID, nil // this time
	default:
		stats, err := e.server.get(ctx, "/system_stats")
		if err != nil {
			return cancelByID, nil //nolint:nilerr // the next one finds out
		}
		route = cancelWhatRuns
		if looksAtID(stats.Get("system").Get("comfyui_version").Text()) {
			route = cancelByID
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cancels = route
	return route, nil
}

// looksAtID reports whether an interrupt with a prompt's id harms no other prompt,
// by ComfyUI's version. It is so in 0.3.64 (protocol note 1.2).
func looksAtID(version string) bool {
	var v, since [3]int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d.%d", &v[0], &v[1], &v[2]); n < len(v) {
		return false
	}
	since = [3]int{0, 3, 64}
	return slices.Compare(v[:], since[:]) >= 0
}

// escalate gives up on a prompt that does not yield: its process is restarted,
// or, where there is none of ours, the next run waits until it has ended. One
// that only waits for its turn costs nobody the process: another runs there.
func (r *run) escalate(ctx context.Context, s *stopping) (over bool, err error) {
	waited := r.e.opt.Now().Sub(s.since)
	if r.e.opt.Process != nil && (r.at != pending || r.began) {
		if waited < r.e.opt.Grace {
			return false, nil
		}
		if err := r.e.opt.Process.Restart(context.WithoutCancel(ctx), "a prompt did not stop"); err != nil {
			return true, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return true, interrupted(r.job)
	}
	if waited < r.e.opt.Abandon {
		return false, nil
	}
	r.e.leave(r.id)
	return true, interrupted(r.job)
}

// withdraw takes the prompt back at once; what cannot be taken back is waited
// for by the next run.
func (r *run) withdraw(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	r.e.leave(r.id)
	if at, err := r.e.server.where(ctx, r.id); err == nil && at != absent {
		if err := r.e.push(ctx, r.id, at); err != nil {
			r.e.opt.Log.Warn("withdrawing a prompt failed", "prompt", r.id, "error", err)
		}
	}
}

// leave remembers a prompt of ours that may still be in ComfyUI.
func (e *Engine) leave(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stuck[id] = true
}

// settled waits until no prompt that was left is in ComfyUI any more, and until
// a device that failed answers again.
func (e *Engine) settled(ctx context.Context) error {
	deadline := e.opt.Now().Add(e.opt.Patience)
	for pause := often / 10; ; pause = min(2*pause, time.Second) {
		err := e.unsettled(ctx)
		if err == nil {
			return nil
		}
		if e.opt.Now().After(deadline) {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

func (e *Engine) unsettled(ctx context.Context) error {
	e.mu.Lock()
	sick := e.sick
	ids := make([]string, 0, len(e.stuck))
	for id := range e.stuck {
		ids = append(ids, id)
	}
	e.mu.Unlock()
	if sick {
		if _, err := e.server.get(ctx, "/system_stats"); err != nil {
			return fmt.Errorf("%w: %w", ErrFault, err)
		}
	}
	for _, id := range ids {
		at, err := e.server.where(ctx, id)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if at != absent {
			if err := e.push(ctx, id, at); err != nil {
				return fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			return fmt.Errorf("%w: an earlier prompt has not stopped", ErrSilent)
		}
		e.mu.Lock()
		delete(e.stuck, id)
		e.mu.Unlock()
	}
	e.mu.Lock()
	e.sick = false
	e.mu.Unlock()
	return nil
}

// fault takes the process out of use after its device failed.
func (e *Engine) fault(why string) {
	e.opt.Log.Error("the device failed", "error", why)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sick = true
	if e.opt.Process == nil || e.healing != nil {
		return
	}
	healed := make(chan struct{})
	e.healing = healed
	e.tidy.Go(func() {
		defer func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.healing = nil
			close(healed)
		}()
		if err := e.opt.Process.Restart(context.Background(), "device fault"); err != nil {
			e.opt.Log.Error("restarting ComfyUI failed", "error", err)
		}
	})
}
