package native

import (
	"container/list"
	"fmt"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
)

// result is what a node's run left: one list a slot, and what it showed, with
// final file names.
type result struct {
	account string
	key     string // empty: equal to nothing
	slots   [][]node.Value
	ui      []engine.Key
	maker   string // id of the node that ran
	size    int64

	place *list.Element // among the results that may be forgotten
	pins  int           // runs and nodes that need it
}

// store keeps results for equal nodes of later jobs, and counts the memory
// that they and the running node take. Results that are not pinned go, the
// ones longest unused first, when room is needed.
type store struct {
	limit int64
	used  int64
	byKey map[string]*result
	idle  *list.List // of *result, the newest in front
}

func newStore(limit int64) *store {
	return &store{limit: limit, byKey: map[string]*result{}, idle: list.New()}
}

// find gives the result of a key, nil when there is none.
func (s *store) find(key string) *result {
	if key == "" {
		return nil
	}
	return s.byKey[key]
}

// pin keeps a result from being forgotten until unpin.
func (s *store) pin(r *result) {
	if r.place != nil {
		s.idle.Remove(r.place)
		r.place = nil
	}
	r.pins++
}

func (s *store) unpin(r *result) {
	if r.pins--; r.pins > 0 {
		return
	}
	if r.key == "" || s.byKey[r.key] != r {
		s.used -= r.size
		return
	}
	r.place = s.idle.PushFront(r)
}

// add takes a new result in, pinned once. Its size is counted from now on.
func (s *store) add(r *result) {
	r.pins = 1
	s.used += r.size
	if r.key == "" {
		return
	}
	if old := s.byKey[r.key]; old != nil {
		s.forget(old)
	}
	s.byKey[r.key] = r
}

// forget takes a result out; when it is pinned, its memory is free once it is
// unpinned.
func (s *store) forget(r *result) {
	if s.byKey[r.key] == r {
		delete(s.byKey, r.key)
	}
	if r.place != nil {
		s.idle.Remove(r.place)
		r.place = nil
		s.used -= r.size
	}
}

// take asks for n bytes. More is called when all idle results are gone: it
// unpins what the run no longer needs, and says whether there was any.
func (s *store) take(n int64, more func() bool) error {
	for n > s.limit-s.used {
		oldest := s.idle.Back()
		if oldest == nil {
			if more() {
				continue
			}
			return node.Raise(outOfMemory, "Allocation of %s failed: %s of %s are in use", amount(n), amount(s.used), amount(s.limit))
		}
		s.forget(oldest.Value.(*result))
	}
	s.used += n
	return nil
}

// give hands n bytes back.
func (s *store) give(n int64) { s.used -= n }

// amount is a number of bytes for people.
func amount(n int64) string {
	const mib = 1 << 20
	if n < 10*mib {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n/mib)
}
