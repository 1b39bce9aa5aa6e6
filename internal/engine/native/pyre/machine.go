package pyre

import "context"

// machine is one search.
type machine struct {
	ctx     context.Context
	pattern *Pattern
	text    []rune
	from    int  // where this try began
	advance bool // the match must not be empty at from
	end     int  // where the last accepted piece ended
	spans   [][2]int
	opened  []int
	laps    []lap
	depth   int
	steps   int
	err     error
}

// tick counts a step and reports whether the search may go on.
func (m *machine) tick() bool {
	m.steps++
	if m.steps > m.pattern.limit || m.depth > maxDepth {
		m.err = ErrSteps
	} else if m.steps&0xfff == 0 && m.err == nil {
		m.err = context.Cause(m.ctx)
	}
	return m.err == nil
}

func (m *machine) stopped() bool { return m.err != nil }

// saved is what a piece matched on its own may leave behind.
type saved struct {
	spans [][2]int
	laps  []lap
}

func (m *machine) save() saved {
	return saved{append([][2]int(nil), m.spans...), append([]lap(nil), m.laps...)}
}

func (m *machine) restore(s saved) {
	copy(m.spans, s.spans)
	copy(m.laps, s.laps)
}

// spanCost is how many steps room for a group's span counts: it bounds the
// memory of many matches of many groups.
const spanCost = 8

// search finds the first match from at on; nil when there is none. With
// advance it must not be empty there.
func (m *machine) search(at int, advance bool) (*Match, error) {
	m.spans = make([][2]int, m.pattern.groups)
	for i := range m.spans {
		m.spans[i] = [2]int{-1, -1}
	}
	m.opened, m.laps = make([]int, m.pattern.groups), make([]lap, m.pattern.loops)
	m.steps += spanCost * m.pattern.groups
	for ; at <= len(m.text); at++ {
		m.from, m.advance, m.depth = at, advance, 0
		if m.tick() && m.pattern.start(m, at) {
			m.spans[0] = [2]int{at, m.end}
			return &Match{m.text, m.spans}, nil
		}
		if m.err != nil {
			return nil, m.err
		}
		advance = false
	}
	return nil, nil
}
