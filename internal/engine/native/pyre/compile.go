package pyre

import "slices"

// step tries to match from place i on, with all that follows. It leaves the
// machine as it was when it fails.
type step func(m *machine, i int) bool

type compiler struct {
	*parser
	loops int
	err   error
}

// compile makes the step that matches t and then next.
func (c *compiler) compile(t *tree, flags Flags, next step) step {
	if fits := tester(t, flags); fits != nil {
		return characters([]test{fits}, next)
	}
	switch t.kind {
	case sequence:
		for k := len(t.kids); k > 0; {
			var all []test
			for ; k > 0; k-- {
				fits := tester(t.kids[k-1], flags)
				if fits == nil {
					break
				}
				all = append(all, fits)
			}
			if len(all) > 0 {
				slices.Reverse(all)
				next = characters(all, next)
				continue
			}
			k--
			next = c.compile(t.kids[k], flags, next)
		}
		return next
	case branch:
		all := make([]step, len(t.kids))
		for k, kid := range t.kids {
			all[k] = c.compile(kid, flags, next)
		}
		return func(m *machine, i int) bool {
			for _, s := range all {
				if m.tick() && s(m, i) {
					return true
				}
			}
			return false
		}
	case group:
		return c.group(t, flags&^t.drop|t.add, next)
	case repeat:
		return c.repeat(t, flags, next)
	case reference:
		return c.backReference(t.n, flags, next)
	case exists:
		yes, no := c.compile(t.kids[0], flags, next), c.compile(t.kids[1], flags, next)
		return func(m *machine, i int) bool {
			if m.spans[t.n][0] >= 0 {
				return yes(m, i)
			}
			return no(m, i)
		}
	case look:
		return c.look(t, flags, next)
	case atomic:
		return c.once(t.kids[0], flags, next)
	case nothing:
		return func(*machine, int) bool { return false }
	}
	holds := anchor(t, flags)
	return func(m *machine, i int) bool { return holds(m.text, i) && next(m, i) }
}

// characters matches as many characters as there are tests.
func characters(all []test, next step) step {
	return func(m *machine, i int) bool {
		if i+len(all) > len(m.text) {
			return false
		}
		for k, fits := range all {
			if !m.tick() || !fits(m.text[i+k]) {
				return false
			}
		}
		return next(m, i+len(all))
	}
}

func anchor(t *tree, flags Flags) func(text []rune, i int) bool {
	switch t.kind {
	case begin:
		if flags&MultiLine != 0 {
			return func(text []rune, i int) bool { return i == 0 || text[i-1] == '\n' }
		}
		return func(_ []rune, i int) bool { return i == 0 }
	case end:
		if flags&MultiLine != 0 {
			return func(text []rune, i int) bool { return i == len(text) || text[i] == '\n' }
		}
		return func(text []rune, i int) bool {
			return i == len(text) || i == len(text)-1 && text[i] == '\n'
		}
	case atStart:
		return func(_ []rune, i int) bool { return i == 0 }
	case atEnd:
		return func(text []rune, i int) bool { return i == len(text) }
	}
	return func(text []rune, i int) bool { // \b and \B
		if len(text) == 0 {
			return false
		}
		before := i > 0 && isWord(text[i-1], flags)
		after := i < len(text) && isWord(text[i], flags)
		return (before != after) != t.negated
	}
}

func (c *compiler) group(t *tree, flags Flags, next step) step {
	n := t.n
	if n == 0 {
		return c.compile(t.kids[0], flags, next)
	}
	inner := c.compile(t.kids[0], flags, func(m *machine, i int) bool {
		old := m.spans[n]
		m.spans[n] = [2]int{m.opened[n], i}
		if next(m, i) {
			return true
		}
		m.spans[n] = old
		return false
	})
	return func(m *machine, i int) bool {
		old := m.opened[n]
		m.opened[n] = i
		if inner(m, i) {
			return true
		}
		m.opened[n] = old
		return false
	}
}

func (c *compiler) backReference(n int, flags Flags, next step) step {
	return func(m *machine, i int) bool {
		s := m.spans[n]
		if s[0] < 0 || i+s[1]-s[0] > len(m.text) {
			return false
		}
		for k := s[0]; k < s[1]; k++ {
			if !m.tick() || !same(m.text[k], m.text[i+k-s[0]], flags) {
				return false
			}
		}
		return next(m, i+s[1]-s[0])
	}
}

func same(a, b rune, flags Flags) bool {
	if a == b || flags&IgnoreCase == 0 {
		return a == b
	}
	for _, v := range variants(a, flags) {
		if v == b {
			return true
		}
	}
	return false
}

// accept ends a piece that is matched on its own.
func accept(m *machine, i int) bool {
	m.end = i
	return true
}

// once matches a piece on its own and keeps what it found.
func (c *compiler) once(t *tree, flags Flags, next step) step {
	inner := c.compile(t, flags, accept)
	return func(m *machine, i int) bool {
		saved := m.save()
		if inner(m, i) && next(m, m.end) {
			return true
		}
		m.restore(saved)
		return false
	}
}

func (c *compiler) look(t *tree, flags Flags, next step) step {
	inner := c.compile(t.kids[0], flags, accept)
	width := 0
	if t.behind {
		low, high := c.parser.width(t.kids[0])
		if low != high && c.err == nil {
			c.err = &Error{Message: "look-behind requires fixed-width pattern", Position: -1}
		}
		width = low
	}
	return func(m *machine, i int) bool {
		saved := m.save()
		found := i >= width && m.tick() && inner(m, i-width)
		if t.negated {
			if found {
				m.restore(saved)
			}
			return !found && !m.stopped() && next(m, i)
		}
		if found && next(m, i) {
			return true
		}
		m.restore(saved)
		return false
	}
}
