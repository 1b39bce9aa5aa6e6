package pyre

// repeat matches a piece from low to high times: as often as it can, or with
// lazy as seldom.
func (c *compiler) repeat(t *tree, flags Flags, next step) step {
	if t.possessive {
		free := *t
		free.possessive = false
		return c.once(&free, flags, next)
	}
	kid := t.kids[0]
	if kid.kind == group && kid.n == 0 && kid.add == 0 && kid.drop == 0 {
		kid = kid.kids[0]
	}
	if kid.kind == sequence && len(kid.kids) == 1 {
		kid = kid.kids[0]
	}
	if fits := tester(kid, flags); fits != nil {
		if t.lazy {
			return lazyRun(t, fits, next)
		}
		return run(t, fits, next)
	}
	return c.loop(t, kid, flags, next)
}

// run repeats a piece of one character.
func run(t *tree, fits test, next step) step {
	return func(m *machine, i int) bool {
		n := 0
		for i+n < len(m.text) && (t.high < 0 || n < t.high) && m.tick() && fits(m.text[i+n]) {
			n++
		}
		for ; n >= t.low; n-- {
			if m.tick() && next(m, i+n) {
				return true
			}
		}
		return false
	}
}

func lazyRun(t *tree, fits test, next step) step {
	return func(m *machine, i int) bool {
		for n := 0; ; n++ {
			if n >= t.low && m.tick() && next(m, i+n) {
				return true
			}
			if i+n >= len(m.text) || t.high >= 0 && n >= t.high || !m.tick() || !fits(m.text[i+n]) {
				return false
			}
		}
	}
}

// lap is how far a loop has come: rounds begun, and where the last optional
// one began, so that an empty round is not the beginning of endless ones.
type lap struct{ rounds, last int }

func (c *compiler) loop(t, kid *tree, flags Flags, next step) step {
	id, size := c.loops, kid.size()
	c.loops++
	var body step
	round := func(m *machine, i int, to lap) bool {
		old := m.laps[id]
		m.laps[id] = to
		m.depth += size
		ok := m.tick() && body(m, i)
		m.depth -= size
		if !ok {
			m.laps[id] = old
		}
		return ok
	}
	again := func(m *machine, i int) bool {
		at := m.laps[id]
		if at.rounds < t.low {
			return round(m, i, lap{at.rounds + 1, at.last})
		}
		more := (t.high < 0 || at.rounds < t.high) && i != at.last
		further := lap{at.rounds + 1, i}
		if t.lazy {
			return next(m, i) || more && !m.stopped() && round(m, i, further)
		}
		return more && round(m, i, further) || !m.stopped() && next(m, i)
	}
	body = c.compile(kid, flags, again)
	return func(m *machine, i int) bool {
		old := m.laps[id]
		m.laps[id] = lap{0, -1}
		if again(m, i) {
			return true
		}
		m.laps[id] = old
		return false
	}
}
