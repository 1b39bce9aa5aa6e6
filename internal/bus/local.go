package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrClosed is what a closed bus answers.
var ErrClosed = errors.New("the bus is closed")

// Local is the bus within one process. Publish calls the subscribers itself, one
// message of a subject at a time: when it returns, all of them have the
// message, and all of them see a subject's messages in the same order, whoever
// publishes.
type Local struct {
	mu     sync.RWMutex
	topics map[string]*topic // only those that somebody listens to
	closed bool
}

// topic is a subject with listeners.
type topic struct {
	order     sync.Mutex      // held while a message goes round
	listeners []*subscription // replaced, never changed; guarded by Local.mu
}

type subscription struct {
	fn    func(body []byte)
	ended atomic.Bool
}

// NewLocal makes a bus.
func NewLocal() *Local { return &Local{topics: map[string]*topic{}} }

// Publish calls every subscriber of subject. A message that nobody listens to
// costs a look. The context does not matter: what was committed is told even
// when the request that did it has been given up.
func (l *Local) Publish(_ context.Context, subject string, body []byte) error {
	l.mu.RLock()
	t, closed := l.topics[subject], l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if t == nil {
		return nil
	}
	t.order.Lock()
	defer t.order.Unlock()
	l.mu.RLock()
	listeners := t.listeners
	l.mu.RUnlock()
	for _, s := range listeners {
		if !s.ended.Load() {
			s.fn(body)
		}
	}
	return nil
}

// Subscribe calls fn for each message that is published from now on. fn must
// not publish on the same subject. After cancel no call begins; one that has
// begun may still end.
func (l *Local) Subscribe(subject string, fn func(body []byte)) (cancel func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	t := l.topics[subject]
	if t == nil {
		t = &topic{}
		l.topics[subject] = t
	}
	s := &subscription{fn: fn}
	t.listeners = append(slices.Clip(t.listeners), s)
	return func() { l.end(subject, t, s) }, nil
}

func (l *Local) end(subject string, t *topic, s *subscription) {
	if s.ended.Swap(true) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.listeners = slices.DeleteFunc(slices.Clone(t.listeners), func(o *subscription) bool { return o == s })
	if len(t.listeners) == 0 && l.topics[subject] == t {
		delete(l.topics, subject)
	}
}

// Close ends all subscriptions. Publishing and subscribing fail afterwards.
func (l *Local) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, t := range l.topics {
		for _, s := range t.listeners {
			s.ended.Store(true)
		}
	}
	clear(l.topics)
	return nil
}
