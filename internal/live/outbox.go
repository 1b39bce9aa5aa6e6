package live

import (
	"encoding/json"
	"sync"

	"github.com/settee/settee"
)

// outbox holds what waits for one listener. It is bounded: what does not fit
// pushes out previews, then progress that newer progress has superseded, and
// when that does not help the outbox fails with ErrSlow and takes no more.
type outbox struct {
	mu    sync.Mutex
	list  []*message
	head  int // list[:head] is taken
	bytes int
	count int // most messages
	limit int // most bytes; a single message may be larger
	err   error
	wake  chan struct{} // 1 deep: something changed
}

// put adds messages that are heard as they happen.
func (o *outbox) put(ms ...*message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range ms {
		o.add(m)
	}
	o.signal()
}

// replay adds messages that are not the listener's fault to be many: the bounds
// grow by them.
func (o *outbox) replay(ms []*message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count += len(ms)
	for _, m := range ms {
		o.limit += len(m.body)
		o.add(m)
	}
	o.signal()
}

func (o *outbox) add(m *message) {
	if o.err != nil {
		return
	}
	if !o.fits(m) {
		o.shed(func(m *message) bool { return m.binary && !m.result })
	}
	if !o.fits(m) && m.binary && !m.result {
		return
	}
	if !o.fits(m) {
		o.shed(superseding())
	}
	if !o.fits(m) {
		o.list, o.head, o.bytes, o.err = nil, 0, 0, ErrSlow
		return
	}
	o.list = append(o.list, m)
	o.bytes += len(m.body)
}

func (o *outbox) fits(m *message) bool {
	n := len(o.list) - o.head
	return n == 0 || n < o.count && o.bytes+len(m.body) <= o.limit
}

// shed drops what waits and may go; may is asked from the newest to the oldest.
func (o *outbox) shed(may func(*message) bool) {
	wait := o.list[o.head:]
	kept := len(o.list)
	for i := len(wait) - 1; i >= 0; i-- {
		if may(wait[i]) {
			o.bytes -= len(wait[i].body)
			continue
		}
		kept--
		o.list[kept] = wait[i]
	}
	clear(o.list[o.head:kept])
	o.head = kept
}

// superseding tells of each message, from the newest to the oldest, whether a
// newer one has made it worthless.
func superseding() func(*message) bool {
	type about struct {
		kind string
		job  *job
		node string
	}
	newer := map[about]bool{}
	return func(m *message) bool {
		key := about{kind: m.kind, job: m.job}
		switch m.kind {
		case settee.EventStatus, settee.EventState:
		case settee.EventProgress:
			var of struct {
				Data struct {
					Node string `json:"node"`
				} `json:"data"`
			}
			if json.Unmarshal(m.body, &of) != nil {
				return false
			}
			key.node = of.Data.Node
		default:
			return false
		}
		old := newer[key]
		newer[key] = true
		return old
	}
}

// take removes the first message. With none waiting it answers nil and the
// error that ended the outbox, if any.
func (o *outbox) take() (*message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head == len(o.list) {
		return nil, o.err
	}
	m := o.list[o.head]
	o.list[o.head] = nil
	o.head++
	o.bytes -= len(m.body)
	if o.head == len(o.list) {
		o.list, o.head = o.list[:0], 0
		if cap(o.list) > 16 { // an idle listener holds no buffer
			o.list = nil
		}
	}
	return m, nil
}

// end lets the listener take what waits and then fail with err.
func (o *outbox) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
