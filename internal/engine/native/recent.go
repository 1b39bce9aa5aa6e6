package native

import (
	"container/list"
	"sync"
)

// recent is a map that forgets what was not used for the longest time. It is
// safe for concurrent use.
type recent[K comparable, V any] struct {
	cap int

	mu    sync.Mutex
	order *list.List // of pair, the newest in front
	at    map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](capacity int) *recent[K, V] {
	return &recent[K, V]{cap: capacity, order: list.New(), at: map[K]*list.Element{}}
}

// drop forgets every key that gone names.
func (r *recent[K, V]) drop(gone func(K) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.at {
		if gone(key) {
			r.order.Remove(e)
			delete(r.at, key)
		}
	}
}

func (r *recent[K, V]) known(key K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(pair[K, V]).value, true
}

// get gives the value of key, made by make when there is none yet; what make
// gives with an error is not kept.
func (r *recent[K, V]) get(key K, make func() (V, error)) (V, error) {
	if v, ok := r.known(key); ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.at[key]; ok { // another was faster
		return e.Value.(pair[K, V]).value, nil
	}
	r.at[key] = r.order.PushFront(pair[K, V]{key, v})
	for r.order.Len() > r.cap {
		oldest := r.order.Back()
		r.order.Remove(oldest)
		delete(r.at, oldest.Value.(pair[K, V]).key)
	}
	return v, nil
}
