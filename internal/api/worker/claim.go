package worker

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
	loop "github.com/settee/settee/internal/worker"
)

// claim waits for a job: POST /sessions/{session}/claim.
func (a *API) claim(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	var in wire.Claim
	if err := read(w, r, wire.MaxSmall, &in); err != nil {
		return err
	}
	wait := min(max(time.Duration(in.WaitMS)*time.Millisecond, 0), wire.MaxWait)
	if in.Ahead {
		wait = wire.MaxWait // it does not wait, and takes as long as it takes
	}
	ctx, done := context.WithTimeout(r.Context(), wait)
	defer done()
	defer context.AfterFunc(a.ctx, done)()
	lease, err := a.next(ctx, s, in.Ahead)
	switch {
	case lease == nil && err == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case lease == nil && ctx.Err() != nil && r.Context().Err() == nil && a.ctx.Err() == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case err != nil && a.ctx.Err() != nil && r.Context().Err() == nil:
		return settee.Faultf(settee.CodeUnavailable, "The server is stopping.")
	case err != nil:
		return err
	}
	if err := lease.Grant.Wait(context.WithoutCancel(r.Context())); err != nil {
		return err
	}
	out, err := a.lease(lease)
	if err == nil && r.Context().Err() != nil {
		err = r.Context().Err() // nobody hears the answer
	}
	if err != nil {
		a.putBack(r.Context(), lease.Attempt)
		return err
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// room is how often it is looked whether a session may have one more job.
const room = 50 * time.Millisecond

// next claims once the session has fewer jobs than it may: twice those that its
// engine takes at once, for the next is claimed while endings are on their way. A
// claim ahead does not wait for that.
func (a *API) next(ctx context.Context, s queue.Session, ahead bool) (*queue.Lease, error) {
	look := time.NewTicker(room)
	defer look.Stop()
	for {
		held, err := a.opt.Queue.HeldBy(ctx, s)
		switch {
		case err != nil:
			return nil, err
		case len(held) < 2*s.Depth:
			return a.opt.Queue.Claim(ctx, s, ahead)
		case ahead:
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-look.C:
		}
	}
}

// lease is a lease as it travels, with its partner keys.
func (a *API) lease(l *queue.Lease) (wire.Lease, error) {
	if len(l.Secrets) > 0 && a.opt.Unseal != nil {
		extra, err := loop.Reveal(l.Graph.ExtraData, l.Secrets, a.opt.Unseal)
		if err != nil {
			return wire.Lease{}, fmt.Errorf("open the job's secrets: %w", err)
		}
		l.Graph.ExtraData = extra
	}
	return wire.LeaseOf(l, a.opt.Watched(l.AccountID), a.opt.Now()), nil
}

// putBack gives a job back that nobody will run. When that fails the session's
// next renewal finds it.
func (a *API) putBack(ctx context.Context, at queue.Attempt) {
	err := a.opt.Queue.FinishOnce(context.WithoutCancel(ctx), at, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained})
	if err != nil {
		a.opt.Log.Warn("putting a job back failed", "job", at.JobID, "error", err)
	}
}

// start has a job run that was claimed ahead: POST …/start.
func (a *API) start(w http.ResponseWriter, r *http.Request) error {
	at, err := a.attempt(r)
	if err != nil {
		return err
	}
	deadline, err := a.opt.Queue.Start(r.Context(), at)
	if err != nil {
		return err
	}
	api.WriteJSON(w, http.StatusOK, wire.StartedOf(deadline, a.opt.Now()))
	return nil
}

// heard is how long the answer to a claim may be under way.
const heard = 5 * time.Second

// renew extends a session and waits for what must stop, unless it is to answer at
// once: POST /sessions/{session}/renew.
func (a *API) renew(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	var in wire.Renew
	if err := read(w, r, wire.MaxSmall, &in); err != nil {
		return err
	}
	if in.AtOnce {
		return a.extend(w, r, s)
	}
	known := make([]queue.Attempt, len(in.Holding))
	for i, h := range in.Holding {
		known[i] = queue.Attempt{JobID: h.Job, N: h.N, SessionID: s.ID}
	}
	if err := a.opt.Queue.GiveBack(r.Context(), s, known, heard); err != nil {
		return err
	}
	ctx, done := context.WithCancel(r.Context())
	defer done()
	defer context.AfterFunc(a.ctx, done)()
	orders, err := a.opt.Queue.Renew(ctx, s)
	if err != nil {
		a.forgetLost(s, err)
		if r.Context().Err() == nil && a.ctx.Err() != nil {
			err = settee.Faultf(settee.CodeUnavailable, "The server is stopping.")
		}
		return err
	}
	out := wire.Orders{Orders: []wire.Order{}, Forget: a.sessions.forgotten(s.ID)}
	for _, o := range orders {
		out.Orders = append(out.Orders, wire.Order{Attempt: wire.Attempt{Job: o.Attempt.JobID, N: o.Attempt.N}, Reason: o.Reason})
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// extend extends a session and answers at once.
func (a *API) extend(w http.ResponseWriter, r *http.Request, s queue.Session) error {
	if err := a.opt.Queue.Extend(r.Context(), s); err != nil {
		a.forgetLost(s, err)
		return err
	}
	api.WriteJSON(w, http.StatusOK, wire.Orders{Orders: []wire.Order{}})
	return nil
}

// forgetLost drops what is remembered of a session that err says is over.
func (a *API) forgetLost(s queue.Session, err error) {
	if settee.CodeOf(err) == settee.CodeLeaseLost {
		a.forget(s.ID)
	}
}
