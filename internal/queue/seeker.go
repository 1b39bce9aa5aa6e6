package queue

import (
	"context"
	"errors"
	"slices"
	"time"
)

// seeker is a claim that found nothing and waits. A submit takes one along that its
// job can go to, and does its claim in its own unit: a job that finds an idle worker
// starts one commit sooner.
type seeker struct {
	Session
	got chan brought // from the submit that took it along
}

// brought is a lease, or nil. err is that of a submit of which nobody knows whether
// it was done: the session may have a job that it never hears of.
type brought struct {
	*Claim
	err error
}

// uncertain is a Store's error of a unit that may have been done.
type uncertain interface {
	error
	Uncertain()
}

// submit writes a job down and shows it, and with it does the claim of one who waits
// for such a job: that does not end with the caller, and hears of the job once it was
// shown.
func (s *Service) submit(ctx context.Context, id string, sub Submission, now time.Time) (done Submitted, err error) {
	var idle *Session
	if next := s.seekerOf(sub); next != nil {
		ctx, idle = context.WithoutCancel(ctx), &next.Session
		defer func() {
			b := brought{Claim: done.Claim}
			if _, unknown := errors.AsType[uncertain](err); unknown {
				b.err = err
			}
			next.got <- b
		}()
	}
	done, err = s.store.SubmitJob(ctx, id, sub, idle, now)
	if sub.Replace && sub.PromptID != id {
		s.ForgetEndings()
	}
	if err == nil {
		s.publishStatus(ctx, sub.AccountID, done.Counts)
	}
	return done, err
}

// seekerOf takes out who waits longest of those that can run a job.
func (s *Service) seekerOf(sub Submission) *seeker {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first []Variant
	if first = sub.Fit.Variants; len(first) == 0 {
		pools := sub.Lane.Pools()
		for v := range s.idle {
			if slices.Contains(pools, v.Pool) {
				first = append(first, v)
			}
		}
	}
	for _, v := range first {
		if all := s.idle[v]; len(all) > 0 {
			s.leave(all[0])
			return all[0]
		}
	}
	return nil
}

// seek has a session wait for a submit.
func (s *Service) seek(ses Session) *seeker {
	me := &seeker{Session: ses, got: make(chan brought, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[ses.variant()] = append(s.idle[ses.variant()], me)
	return me
}

// leave takes a seeker out; false when a submit has. The caller holds mu.
func (s *Service) leave(me *seeker) bool {
	v := me.variant()
	all := s.idle[v]
	i := slices.Index(all, me)
	switch {
	case i < 0:
		return false
	case len(all) == 1:
		delete(s.idle, v)
	default:
		s.idle[v] = slices.Delete(slices.Clone(all), i, i+1)
	}
	return true
}

// await waits until there may be something to claim. It is what a submit brought,
// most often nothing. me is nil where the session must not get anything now.
func (s *Service) await(ctx context.Context, me *seeker, hint <-chan struct{}, poll <-chan time.Time) brought {
	var got chan brought
	if me != nil {
		got = me.got
	}
	select {
	case b := <-got:
		return b
	case <-ctx.Done():
	case <-hint:
	case <-poll:
	}
	if me == nil {
		return brought{}
	}
	s.mu.Lock()
	alone := s.leave(me)
	s.mu.Unlock()
	if alone {
		return brought{}
	}
	return <-me.got
}
