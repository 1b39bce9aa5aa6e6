package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/record"
)

// Finish ends an attempt: its job has ended too, or waits again when e.State is
// Pending (see Judge). last is what it told last, in order: it is written down with
// the ending and shown before it, unless the job waits again or e hands it back.
// Fault CodeLeaseLost: another has the job, or it is over.
func (s *Service) Finish(ctx context.Context, a Attempt, e Ending, last ...Step) error {
	if e.State != settee.Pending && (!e.State.Terminal() || e.Event.Type == "") {
		return settee.Faultf(settee.CodeInvalid, "an attempt cannot end as %q with event %q", e.State, e.Event.Type)
	}
	if e.Event.Data != nil && !json.Valid(e.Event.Data) {
		return settee.Faultf(settee.CodeInvalid, "the data of %s is not JSON", e.Event.Type)
	}
	if e.State == settee.Pending { // whatever becomes of the job then
		last = nil
	}
	end := End{Ending: e}
	for _, step := range last {
		if err := step.check(); err != nil {
			return err
		}
		if step.Executed != nil {
			end.Last = append(end.Last, *step.Executed)
		}
	}
	return s.end(ctx, a, end, last...)
}

// FinishOnce is Finish for a worker that may not have heard the answer: an
// attempt that has ended in just this way already, or of which just this was not
// believed, is no error. What it told last is named again.
func (s *Service) FinishOnce(ctx context.Context, a Attempt, e Ending, last ...Step) error {
	err := s.Finish(ctx, a, e, last...)
	if settee.CodeOf(err) != settee.CodeLeaseLost {
		return err
	}
	state, reason, unread := s.store.AttemptEnding(ctx, a)
	if unread == nil && reason == e.Reason && (state == e.State || state == settee.Pending && e.Against()) {
		return s.nameAgain(ctx, a, e, last)
	}
	return err
}

func (s *Service) nameAgain(ctx context.Context, a Attempt, e Ending, last []Step) error {
	var outputs []Step
	for _, step := range last {
		if step.Executed != nil {
			outputs = append(outputs, step)
		}
	}
	if len(outputs) == 0 || e.State == settee.Pending {
		return nil
	}
	all, err := s.store.AttemptOutputs(ctx, a, len(outputs))
	for i, output := range all[:min(len(all), len(outputs))] {
		outputs[i].Named(output)
	}
	return err
}

func (s *Service) end(ctx context.Context, a Attempt, e End, last ...Step) error {
	s.mu.Lock()
	held := s.attempts[a]
	s.mu.Unlock()
	if held != nil {
		held.mu.Lock()
		defer held.mu.Unlock()
		e.Notes = held.pending
		if held.seq+len(e.Last)-held.base() > span-2 {
			return tooManyEvents
		}
	}
	e.Cap = s.opt.CrashCap
	out, err := s.store.EndAttempt(ctx, a, e, s.opt.Now())
	if err != nil {
		s.lost(a, err)
		return err
	}
	s.forget(a)
	s.revoked(ctx, out.Revoked)
	s.tell(out.Moved)
	if out.State == settee.Pending {
		s.publishStatus(ctx, out.AccountID, out.Counts)
	} else {
		s.publishSteps(ctx, out, last)
		s.publishEnd(ctx, out)
	}
	if out.Counts.Pending > 0 { // one of the account's may start now
		s.hint(ctx, out.Lane)
	}
	return nil
}

// Reap does what time asks for: it ends sessions whose lease has run out, gives
// back or gives up what they held, ends jobs that outlived their deadline and a
// lease's time to obey it, lets workers in that nobody is left to replace, and
// sets right the lanes and what lies ahead. Run calls it; a test may.
func (s *Service) Reap(ctx context.Context) error {
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	now := s.opt.Now()
	if err := s.store.ExpireSessions(ctx, "", now); err != nil {
		return fmt.Errorf("expire sessions: %w", err)
	}
	if err := s.reapOrphans(ctx); err != nil {
		return err
	}
	overdue, err := s.store.Overdue(ctx, now.Add(-s.opt.Lease))
	if err != nil {
		return fmt.Errorf("find overdue attempts: %w", err)
	}
	var errs []error
	for _, h := range overdue {
		errs = append(errs, s.reap(ctx, h.Attempt, Ending{settee.Failed, settee.ReasonTimeout,
			record.Failure(h.PromptID, "JobTimeout", "The job ran longer than its tier allows.")}))
	}
	if err := s.tend(ctx); err != nil {
		errs = append(errs, err)
	}
	lanes, err := s.store.RefreshLanes(ctx, now)
	for _, l := range lanes {
		s.hint(ctx, l)
	}
	late, overtaking := s.store.OvertakeAttempt(ctx, now)
	s.revoked(ctx, late)
	return errors.Join(append(errs, err, overtaking, s.prune(ctx))...)
}

// takeOver ends the sessions that earlier boots of this embedded server left
// behind, once. Those of other servers on the database end by their lease.
func (s *Service) takeOver(ctx context.Context) error {
	s.takeover.Lock()
	defer s.takeover.Unlock()
	if s.taken || s.opt.Boot == "" {
		return nil
	}
	if err := s.store.ExpireSessions(ctx, s.opt.Boot, s.opt.Now()); err != nil {
		return fmt.Errorf("end sessions of earlier boots: %w", err)
	}
	s.taken = true
	return s.reapOrphans(ctx)
}

func (s *Service) reapOrphans(ctx context.Context) error {
	orphans, err := s.store.Orphans(ctx)
	if err != nil {
		return fmt.Errorf("find orphans: %w", err)
	}
	var errs []error
	for _, o := range orphans {
		errs = append(errs, s.reap(ctx, o.Attempt, Ending{State: settee.Pending, Reason: o.Reason}))
	}
	return errors.Join(errs...)
}

// reap ends an attempt for its worker, which hears of it.
func (s *Service) reap(ctx context.Context, a Attempt, e Ending) error {
	err := s.end(ctx, a, End{Ending: e, Forced: true})
	if settee.CodeOf(err) == settee.CodeLeaseLost {
		return nil // it ended meanwhile
	}
	s.order(ctx, a.SessionID)
	return err
}
