package native

import (
	"container/list"
	"fmt"
	"sync"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
)

// owner is whose result something is: an account, until it forgets.
type owner struct {
	account    string
	generation int
}

// result is what a node's run left: one list a slot, and what it showed, with
// final file names.
type result struct {
	owner owner
	key   string // empty: equal to nothing
	slots [][]node.Value
	ui    []engine.Key
	maker string // id of the node that ran
	size  int64

	place *list.Element // among the results that may be forgotten
	pins  int           // runs and nodes that need it
}

// store keeps results for equal nodes of later jobs, and counts the memory that
// they and the running nodes take. Each run has a share of the limit, so that
// what one needs never depends on another; results that no run has pinned go,
// the ones longest unused first, when room is needed. It is safe for concurrent
// use by several runs.
type store struct {
	limit int64
	share int64 // of the limit, for each run

	mu          sync.Mutex
	used        int64
	byKey       map[string]*result
	idle        *list.List // of *result, the newest in front
	generations map[string]int
}

func newStore(limit int64, runs int) *store {
	return &store{limit: limit, share: limit / int64(runs), byKey: map[string]*result{}, idle: list.New(), generations: map[string]int{}}
}

// tenant is a run as the store knows it.
type tenant struct {
	owner owner
	used  int64       // of its share
	spare func() bool // unpins what the run no longer needs; says whether there was any
}

// enter begins a run of an account.
func (s *store) enter(account string, spare func() bool) *tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &tenant{owner: owner{account, s.generations[account]}, spare: spare}
}

// forgetAll drops an account's results. What its running jobs still make is not
// kept for later ones.
func (s *store) forgetAll(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations[account]++
	for _, r := range s.byKey {
		if r.owner.account == account {
			s.drop(r)
		}
	}
}

// fits makes room in the tenant's share and says whether there is some.
func (s *store) fits(t *tenant, n int64) bool {
	for n > s.share-t.used {
		if !t.spare() {
			return false
		}
	}
	return true
}

// hold gives the result of a key, pinned; nil when there is none, or no room
// for it in the tenant's share.
func (s *store) hold(t *tenant, key string) *result {
	s.mu.Lock()
	r := s.byKey[key]
	s.mu.Unlock()
	if key == "" || r == nil || !s.fits(t, r.size) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey[key] != r {
		return nil
	}
	if r.place != nil {
		s.idle.Remove(r.place)
		r.place = nil
	}
	r.pins++
	t.used += r.size
	return r
}

func (s *store) unpin(t *tenant, r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.used -= r.size
	if r.pins--; r.pins > 0 {
		return
	}
	if r.key == "" || s.byKey[r.key] != r {
		s.used -= r.size
	} else {
		r.place = s.idle.PushFront(r)
	}
}

// count takes a new result's memory over, pinned once.
func (s *store) count(t *tenant, r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.pins = 1
	t.used += r.size
	s.used += r.size
}

// publish lets equal nodes find a result that is complete. It must not be
// changed afterwards.
func (s *store) publish(r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.key == "" || r.owner.generation != s.generations[r.owner.account] {
		return
	}
	if old := s.byKey[r.key]; old != nil {
		s.drop(old)
	}
	s.byKey[r.key] = r
}

// forget takes a result out; when it is pinned, its memory is free once it is
// unpinned.
func (s *store) forget(r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(r)
}

// drop is forget for who holds mu.
func (s *store) drop(r *result) {
	if s.byKey[r.key] == r {
		delete(s.byKey, r.key)
	}
	if r.place != nil {
		s.idle.Remove(r.place)
		r.place = nil
		s.used -= r.size
	}
}

// take asks for n bytes; it fails when the tenant's share has no room for them.
func (s *store) take(t *tenant, n int64) error {
	if !s.fits(t, n) {
		return node.Raise(outOfMemory, "Allocation of %s failed: %s of %s are in use", amount(n), amount(t.used), amount(s.share))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n > s.limit-s.used { // what is pinned is within the shares, so the rest is idle
		oldest := s.idle.Back()
		if oldest == nil {
			break
		}
		s.drop(oldest.Value.(*result))
	}
	t.used += n
	s.used += n
	return nil
}

// give hands n bytes back.
func (s *store) give(t *tenant, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.used -= n
	s.used -= n
}

// amount is a number of bytes for people.
func amount(n int64) string {
	const mib = 1 << 20
	if n < 10*mib {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n/mib)
}
