package native

import (
	"container/list"
	"errors"
)

// schedule holds the nodes that still have to run and what each waits for, and
// picks the next (protocol note 4.2). Sources whose results are there are never
// waited for.
type schedule struct {
	graph   *graph
	there   func(id string) bool // the node's result is there
	order   *list.List           // of *pending, as they were added
	pending map[string]*pending
}

// pending is a node that has not finished.
type pending struct {
	vertex  *vertex
	place   *list.Element
	waits   int        // sources that are outstanding
	blocks  []*pending // nodes that wait for this one
	blocked map[string]bool
}

func newSchedule(g *graph, there func(string) bool) *schedule {
	return &schedule{graph: g, there: there, order: list.New(), pending: map[string]*pending{}}
}

// add takes a node in, and all that it needs: depth first, the sources of its
// last input first.
func (s *schedule) add(id string) {
	stack := []string{id}
	type edge struct{ from, to string }
	var edges []edge
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		v := s.graph.byID[id]
		if v == nil || s.pending[id] != nil {
			continue
		}
		p := &pending{vertex: v, blocked: map[string]bool{}}
		p.place = s.order.PushBack(p)
		s.pending[id] = p
		for i := range v.inputs {
			w := &v.inputs[i]
			if !w.linked || w.lazy() || s.there(w.from) {
				continue
			}
			stack = append(stack, w.from)
			edges = append(edges, edge{w.from, id})
		}
	}
	for _, e := range edges {
		s.wait(e.to, e.from)
	}
}

// wait makes a node wait for a source, which is taken in when it is new.
func (s *schedule) wait(id, source string) {
	if s.pending[source] == nil {
		s.add(source)
	}
	from, to := s.pending[source], s.pending[id]
	if from == nil || from.blocked[id] {
		return
	}
	from.blocked[id] = true
	from.blocks = append(from.blocks, to)
	to.waits++
}

// done takes a finished node out.
func (s *schedule) done(id string) {
	p := s.pending[id]
	s.order.Remove(p.place)
	delete(s.pending, id)
	for _, b := range p.blocks {
		b.waits--
	}
}

// needed reports whether a node that has not finished reads the result of id.
func (s *schedule) needed() map[string]bool {
	all := map[string]bool{}
	for _, p := range s.pending {
		for i := range p.vertex.inputs {
			if w := &p.vertex.inputs[i]; w.linked {
				all[w.from] = true
			}
		}
	}
	return all
}

var errCycle = errors.New("the graph goes round")

// pick gives the next node: an output if one is ready, else one that feeds an
// output directly or in two steps, else the first. Nil: all are done.
func (s *schedule) pick() (*vertex, error) {
	var ready []*pending
	for e := s.order.Front(); e != nil; e = e.Next() {
		p := e.Value.(*pending)
		if p.waits > 0 {
			continue
		}
		if p.feeds(0) {
			return p.vertex, nil
		}
		ready = append(ready, p)
	}
	if len(ready) == 0 {
		if s.order.Len() > 0 {
			return nil, errCycle
		}
		return nil, nil
	}
	for steps := 1; steps <= 2; steps++ {
		for _, p := range ready {
			if p.feeds(steps) {
				return p.vertex, nil
			}
		}
	}
	return ready[0].vertex, nil
}

// feeds reports whether the node leads to an output node in so many steps.
func (p *pending) feeds(steps int) bool {
	if steps == 0 {
		return p.vertex.class != nil && p.vertex.class.OutputNode
	}
	for _, b := range p.blocks {
		if b.feeds(steps - 1) {
			return true
		}
	}
	return false
}
