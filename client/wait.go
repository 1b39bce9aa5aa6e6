package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Wait waits until a job has ended, however it ends, and answers with all about
// it. Events about the job are handed to hear (which may be nil) as they come,
// one at a time. The error is ctx's cause when ctx ends first; the job goes on.
func (c *Client) Wait(ctx context.Context, promptID string, hear func(Event)) (*Job, error) {
	l := c.listen(ctx, uuid.NewString(), nil)
	defer l.Close()
	return l.Wait(ctx, promptID, hear)
}

// Run submits a workflow and waits for its end. The socket is open before the
// job is there, so that hear misses nothing.
func (c *Client) Run(ctx context.Context, s Submission, hear func(Event)) (*Job, error) {
	if s.ClientID == "" {
		s.ClientID = uuid.NewString()
	}
	l, err := c.Listen(ctx, s.ClientID)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	receipt, err := c.Submit(ctx, s)
	if err != nil {
		return nil, err
	}
	return l.Wait(ctx, receipt.PromptID, hear)
}

// firstPoll is the time between the first questions; it grows to the client's
// poll time.
const firstPoll = 200 * time.Millisecond

// Wait is Client.Wait with this listener's events. One Wait at a time takes a
// listener's events.
func (l *Listener) Wait(ctx context.Context, promptID string, hear func(Event)) (*Job, error) {
	var (
		events   = l.Events()
		ask      = time.NewTimer(0) // it may have ended before the socket was open
		pause    = min(firstPoll, l.client.poll)
		answered = time.Now()
		ended    bool // its last event was heard
	)
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if e.PromptID != promptID {
				continue
			}
			if hear != nil {
				hear(e)
			}
			if e.Terminal() {
				ended = true
				pause = min(firstPoll, l.client.poll)
				ask.Reset(0)
			}
		case <-ask.C:
			status, err := l.client.Status(ctx, promptID)
			var job *Job
			if err == nil && status.State.Terminal() {
				job, err = l.client.Job(ctx, promptID)
			}
			switch {
			case err == nil && job != nil && job.State.Terminal():
				if !ended && hear != nil && l.Connected() {
					l.drain(ctx, promptID, hear)
				}
				if job.Error == nil && status.Error != "" {
					job.Error = &ExecutionError{Message: status.Error}
				}
				return job, nil
			case err == nil:
				answered = time.Now()
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case !transient(err) || time.Since(answered) > l.client.patience:
				return nil, err
			}
			ask.Reset(pause)
			pause = min(pause+pause/2, l.client.poll)
		}
	}
}

// drain hands on what is still to come about a job that has ended.
func (l *Listener) drain(ctx context.Context, promptID string, hear func(Event)) {
	ctx, cancel := context.WithTimeout(ctx, l.client.lastWords)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-l.events:
			if !ok {
				return
			}
			if e.PromptID != promptID {
				continue
			}
			hear(e)
			if e.Terminal() {
				return
			}
		}
	}
}

// transient reports whether the same question may be answered later.
func transient(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return e.Status >= 500
}
