// Package pyre matches as Python's re module does: its syntax, its rules of
// backtracking and its error texts (of Python 3.11). A search takes a bounded
// number of steps and ends with its context, so that no pattern can hold up a
// worker.
package pyre

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Flags change what a pattern means.
type Flags uint8

// The flags that a pattern can carry inline too: i, m, s, x, a.
const (
	IgnoreCase Flags = 1 << iota
	MultiLine
	DotAll
	Verbose
	ASCII
)

// Error is Python's re.error.
type Error struct {
	Message  string
	Position int    // in characters; −1: none
	pattern  string // what the position is in
}

func (e *Error) Error() string {
	if e.Position < 0 {
		return e.Message
	}
	text := fmt.Sprintf("%s at position %d", e.Message, e.Position)
	before := []rune(e.pattern)
	if strings.ContainsRune(e.pattern, '\n') && e.Position <= len(before) {
		head := string(before[:e.Position])
		line := strings.Count(head, "\n") + 1
		column := len([]rune(head[strings.LastIndexByte(head, '\n')+1:])) + 1
		text += fmt.Sprintf(" (line %d, column %d)", line, column)
	}
	return text
}

// ErrSteps says that a search took more steps than it may: a pattern that
// backtracks without end, most often.
var ErrSteps = errors.New("the regular expression takes too many steps on this text")

// maxSteps bounds one search: a second or two.
const maxSteps = 100_000_000

// maxDepth bounds how many pieces of repeated groups may be open at once, and
// maxNesting how deep groups lie in each other: both take stack.
const (
	maxDepth   = 500_000
	maxNesting = 500
	maxLength  = 1 << 16 // of a pattern, in characters
)

// Pattern is a compiled regular expression.
type Pattern struct {
	start  step
	groups int            // with group 0
	names  map[string]int // of named groups
	loops  int
	limit  int // of steps of a search
}

// Groups is how many groups the pattern has, the whole match not counted.
func (p *Pattern) Groups() int { return p.groups - 1 }

// Match is where a pattern matched.
type Match struct {
	text  []rune
	spans [][2]int // of each group; −1 where it did not take part
}

// Group is what group n matched; ok is false when it did not take part.
func (m *Match) Group(n int) (text string, ok bool) {
	s := m.spans[n]
	if s[0] < 0 {
		return "", false
	}
	return string(m.text[s[0]:s[1]]), true
}

// Find gives the matches in order, at most limit of them (0: all). Empty
// matches count, also right after another match.
func (p *Pattern) Find(ctx context.Context, text string, limit int) ([]*Match, error) {
	m := &machine{ctx: ctx, text: []rune(text), pattern: p}
	var all []*Match
	at, advance := 0, false
	for limit == 0 || len(all) < limit {
		found, err := m.search(at, advance)
		if err != nil || found == nil {
			return all, err
		}
		all = append(all, found)
		at = found.spans[0][1]
		advance = found.spans[0][0] == at
	}
	return all, nil
}

// Compile reads a pattern. The error is an *Error.
func Compile(pattern string, flags Flags) (*Pattern, error) {
	p := &parser{source: []rune(pattern), text: pattern, flags: flags, names: map[string]int{}, groups: 1, referred: map[int]int{}, widths: map[int][2]int{}}
	if len(p.source) > maxLength {
		return nil, p.fail(-1, "the pattern has more than %d characters", maxLength)
	}
	tree, err := p.pattern()
	if err != nil {
		return nil, err
	}
	c := &compiler{parser: p}
	out := &Pattern{groups: p.groups, names: p.names, limit: maxSteps}
	out.start = c.compile(tree, p.flags, func(m *machine, i int) bool {
		if m.advance && i == m.from {
			return false
		}
		m.end = i
		return true
	})
	out.loops = c.loops
	return out, c.err
}
