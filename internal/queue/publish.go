package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

// send publishes a hint. A hint that is lost costs a second, so a failure is
// only logged.
func (s *Service) send(ctx context.Context, subject string, body []byte) {
	if err := s.bus.Publish(context.WithoutCancel(ctx), subject, body); err != nil {
		s.opt.Log.Warn("publishing failed", "subject", subject, "error", err)
	}
}

// publish shows a frame to the account's listeners.
func (s *Service) publish(ctx context.Context, f settee.Frame) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		s.opt.Log.Error("a frame is not JSON", "type", f.Type, "job", f.JobID, "error", err)
		return
	}
	s.send(ctx, bus.Account+f.AccountID, body.Bytes())
}

// publishStatus shows an account's counts: the newest that were seen, so that
// the last status is right whatever order units are published in.
func (s *Service) publishStatus(ctx context.Context, accountID string, c Counts) {
	s.mu.Lock()
	if newest := s.shown[accountID]; newest.Version > c.Version {
		c = newest
	} else {
		s.shown[accountID] = c
	}
	s.mu.Unlock()
	s.publish(ctx, settee.Frame{AccountID: accountID, Type: settee.EventStatus,
		Data: json.RawMessage(`{"status":{"exec_info":{"queue_remaining":` + strconv.Itoa(c.Remaining()) + `}}}`)})
}

// publishSteps shows what a job told last.
func (s *Service) publishSteps(ctx context.Context, o Outcome, last []Step) {
	for _, step := range last {
		if step.Executed == nil {
			s.publish(ctx, o.told(step.Frame))
			continue
		}
		done := o.Last[0]
		o.Last = o.Last[1:]
		step.Named(done.Output)
		s.publishExecuted(ctx, o.Held, *step.Executed, done)
	}
}

// publishExecuted shows a node's output, unless it is silent.
func (s *Service) publishExecuted(ctx context.Context, h Held, x engine.Executed, done Executed) {
	if x.Silent {
		return
	}
	f := h.frame()
	f.Type, f.Data, f.Seq = done.Note.Event.Type, done.Note.Event.Data, done.Note.Seq
	s.publish(ctx, f)
}

// publishEnd shows that a job has ended: the ending, status, executing null.
func (s *Service) publishEnd(ctx context.Context, o Outcome) {
	f := o.frame()
	end := f
	end.Type, end.Data, end.Seq, end.Ended = o.Note.Event.Type, o.Note.Event.Data, o.Note.Seq, true
	s.publish(ctx, end)
	s.publishStatus(ctx, o.AccountID, o.Counts)
	f.Type = settee.EventExecuting
	f.Data = record.Idle(o.PromptID)
	s.publish(ctx, f)
}

// frame is an empty frame of the attempt's job.
func (h Held) frame() settee.Frame {
	return settee.Frame{AccountID: h.AccountID, JobID: h.JobID, PromptID: h.PromptID, ClientID: h.ClientID, Attempt: h.N}
}

// told is what a worker told of the attempt's job, as the account hears it.
func (h Held) told(in settee.Frame) settee.Frame {
	f := h.frame()
	f.Type, f.Data, f.Binary, f.Node, f.Wanted = in.Type, in.Data, in.Binary, in.Node, in.Wanted
	return f
}

// hint wakes claims that serve a lane, here and on other servers.
func (s *Service) hint(ctx context.Context, lane Lane) {
	s.wakeLane(lane)
	s.send(ctx, bus.Jobs, []byte(lane))
}

// wakeLane wakes one claim of each variant of the lane's pools: which of them
// serve the lane the database knows.
func (s *Service) wakeLane(lane Lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pool := range lane.Pools() {
		for _, h := range s.hints[pool] {
			wake(h.c)
		}
	}
}

// hint is where claims of a variant wait. It is there as long as one does: who
// comes later looks first.
type hint struct {
	c      chan struct{}
	claims int
}

// heed has a claim hear hints for a variant until it leaves: one claim wakes, and
// wakes the next when it leaves.
func (s *Service) heed(v Variant) (c chan struct{}, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.hints[v.Pool]
	if all == nil {
		all = map[Variant]*hint{}
		s.hints[v.Pool] = all
	}
	h := all[v]
	if h == nil {
		h = &hint{c: make(chan struct{}, 1)}
		all[v] = h
	}
	h.claims++
	return h.c, func() { s.heedless(v, h) }
}

func (s *Service) heedless(v Variant, h *hint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.claims--; h.claims > 0 {
		wake(h.c)
		return
	}
	all := s.hints[v.Pool]
	if delete(all, v); len(all) == 0 {
		delete(s.hints, v.Pool)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
