package queue

import (
	"context"
	"errors"
	"slices"
	"time"
)

// seeker is a claim that found nothing and waits. A submit takes one along that its
// job can go to, and does its claim in its own unit: a job that finds an idle worker
// starts one commit sooner, and is on its way to the engine while that is written.
type seeker struct {
	Session
	got chan brought // from the submit that took it along
}

// brought is a claim, or nil. err is that of a submit of which nobody knows whether
// it was done: the session may have a job that it never hears of.
type brought struct {
	*Claim
	err error
}

// Idle is a session that has nothing to do, for a submit to take along.
type Idle struct {
	Session
	// Soon, unless nil, is called with what the session gets, once all but the commit
	// is done. The unit may be run again after that, and come to something else.
	Soon func(*Claim)
}

// promise is what a submit has told the seeker that it takes along.
type promise struct {
	*seeker
	made   Attempt     // that the seeker goes on with
	settle func(error) // its grant; nil: the seeker waits
}

func (p *promise) make(c *Claim) {
	if p.settle != nil {
		return
	}
	early := *c
	p.made = c.Attempt
	early.Grant, p.settle = NewGrant()
	p.got <- brought{Claim: &early}
}

var errOtherwise = errors.New("the session was given something else than it was told")

// keep says what came of it: c, or err.
func (p *promise) keep(c *Claim, err error) {
	_, unknown := errors.AsType[uncertain](err)
	switch {
	case p.settle == nil && unknown:
		p.got <- brought{err: err}
	case p.settle == nil:
		p.got <- brought{Claim: c}
	case err == nil && (c == nil || c.Attempt != p.made):
		p.settle(errOtherwise)
	default:
		p.settle(err)
	}
}

// uncertain is a Store's error of a unit that may have been done.
type uncertain interface {
	error
	Uncertain()
}

// submit writes a job down and shows it, and with it does the claim of one who waits
// for such a job: that does not end with the caller, and hears for sure of the job once
// it was shown.
func (s *Service) submit(ctx context.Context, id string, sub Submission, now time.Time) (done Submitted, err error) {
	var idle *Idle
	if next := s.seekerOf(sub); next != nil {
		p := promise{seeker: next}
		ctx, idle = context.WithoutCancel(ctx), &Idle{next.Session, p.make}
		defer func() { p.keep(done.Claim, err) }()
	}
	done, err = s.store.SubmitJob(ctx, id, sub, idle, now)
	if sub.Replace && sub.PromptID != id {
		s.ForgetEndings()
	}
	if err == nil {
		s.publishStatus(ctx, sub.AccountID, done.Counts)
		if done.Claim != nil {
			s.leased(ctx, done.Claim, now)
		}
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
