package comfyui

import "container/list"

// recent is a map that remembers the most recently used keys, up to its size.
type recent[K comparable, V any] struct {
	size  int
	order *list.List // front: newest
	byKey map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, order: list.New(), byKey: map[K]*list.Element{}}
}

func (r *recent[K, V]) get(k K) (v V, ok bool) {
	e, ok := r.byKey[k]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*pair[K, V]).value, true
}

func (r *recent[K, V]) put(k K, v V) {
	if e, ok := r.byKey[k]; ok {
		e.Value.(*pair[K, V]).value = v
		r.order.MoveToFront(e)
		return
	}
	r.byKey[k] = r.order.PushFront(&pair[K, V]{k, v})
	for len(r.byKey) > r.size {
		last := r.order.Back()
		p := r.order.Remove(last).(*pair[K, V])
		delete(r.byKey, p.key)
	}
}
