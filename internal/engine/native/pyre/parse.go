package pyre

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

type kind uint8

const (
	literal kind = iota
	dot
	set       // of items
	sequence  // of kids
	branch    // one of kids
	group     // kid, captured as n (0: not), with flags added and removed
	repeat    // kid from low to high times
	begin     // ^
	end       // $
	atStart   // \A
	atEnd     // \Z
	boundary  // \b; negated: \B
	reference // to group n
	exists    // kids[0] when group n matched, else kids[1]
	look      // ahead or behind
	atomic    // kid, never tried again
	nothing   // never matches
)

// tree is a piece of a parsed pattern.
type tree struct {
	kind       kind
	char       rune
	items      []item
	negated    bool
	kids       []*tree
	n          int
	add, drop  Flags
	low, high  int // of a repeat; high −1: any
	lazy       bool
	possessive bool
	behind     bool
}

// item is a range of characters or a category of them.
type item struct {
	low, high rune
	category  rune // d, D, s, S, w, W; 0: a range
}

type parser struct {
	source   []rune
	text     string
	at       int
	flags    Flags
	names    map[string]int
	groups   int
	widths   map[int][2]int // of the groups that are closed
	referred map[int]int    // groups of conditions and where they stand
	behind   int            // in a look-behind: the number of groups when it began; else 0
	nesting  int
	broken   *Error
}

// fail makes an error. A backslash that ends the pattern is one already when
// it comes into sight, whatever else is wrong.
func (p *parser) fail(position int, format string, args ...any) error {
	if p.next(); p.broken != nil {
		return p.broken
	}
	return &Error{Message: fmt.Sprintf(format, args...), Position: position, pattern: p.text}
}

// next is the next token: a character, or a backslash with its character. It
// is empty at the end.
func (p *parser) next() string {
	if p.at >= len(p.source) {
		return ""
	}
	if p.source[p.at] != '\\' {
		return string(p.source[p.at])
	}
	if p.at+1 >= len(p.source) {
		if p.broken == nil {
			p.broken = &Error{Message: "bad escape (end of pattern)", Position: len(p.source) - 1, pattern: p.text}
		}
		return ""
	}
	return string(p.source[p.at : p.at+2])
}

func (p *parser) get() string {
	t := p.next()
	p.at += len([]rune(t))
	return t
}

func (p *parser) match(t string) bool {
	if p.next() != t {
		return false
	}
	p.at += len([]rune(t))
	return true
}

func (p *parser) pattern() (*tree, error) {
	t, err := p.alternatives(true)
	if err == nil && p.next() != "" {
		err = p.fail(p.at, "unbalanced parenthesis")
	}
	if p.broken != nil {
		return nil, p.broken
	}
	if err != nil {
		return nil, err
	}
	for n, position := range p.referred {
		if n >= p.groups {
			return nil, p.fail(position, "invalid group reference %d", n)
		}
	}
	return t, nil
}

func (p *parser) alternatives(first bool) (*tree, error) {
	p.nesting++
	defer func() { p.nesting-- }()
	if p.nesting > maxNesting {
		return nil, p.fail(-1, "the pattern has more than %d groups in each other", maxNesting)
	}
	out := &tree{kind: branch}
	for {
		t, err := p.sequence(first && len(out.kids) == 0)
		if err != nil {
			return nil, err
		}
		out.kids = append(out.kids, t)
		if !p.match("|") {
			break
		}
	}
	if len(out.kids) == 1 {
		return out.kids[0], nil
	}
	return out, nil
}

func (p *parser) sequence(first bool) (*tree, error) {
	out := &tree{kind: sequence}
	for {
		this := p.next()
		if this == "" || this == "|" || this == ")" {
			return out, nil
		}
		p.get()
		if p.flags&Verbose != 0 {
			if strings.Contains(" \t\n\r\v\f", this) {
				continue
			}
			if this == "#" {
				for this != "" && this != "\n" {
					this = p.get()
				}
				continue
			}
		}
		var t *tree
		var err error
		switch {
		case this[0] == '\\':
			t, err = p.escape(this)
		case this == "[":
			t, err = p.set()
		case this == ".":
			t = &tree{kind: dot}
		case this == "^":
			t = &tree{kind: begin}
		case this == "$":
			t = &tree{kind: end}
		case this == "(":
			t, err = p.group(first && len(out.kids) == 0)
		case strings.Contains("*+?{", this):
			t, err = p.repeat(this, out)
		default:
			t = &tree{kind: literal, char: []rune(this)[0]}
		}
		if err != nil {
			return nil, err
		}
		if t != nil {
			out.kids = append(out.kids, t)
		}
	}
}

// repeat takes the last piece of out and gives it back repeated.
func (p *parser) repeat(this string, out *tree) (*tree, error) {
	here := p.at
	t := &tree{kind: repeat, high: -1}
	switch this {
	case "?":
		t.high = 1
	case "+":
		t.low = 1
	case "{":
		if p.next() == "}" {
			return &tree{kind: literal, char: '{'}, nil
		}
		low := p.digits()
		high := low
		if p.match(",") {
			high = p.digits()
		}
		if !p.match("}") {
			p.at = here
			return &tree{kind: literal, char: '{'}, nil
		}
		if len(low) > 9 || len(high) > 9 {
			return nil, &Error{Message: "the repetition number is too large", Position: -1}
		}
		if low != "" {
			t.low, _ = strconv.Atoi(low) // digits alone
		}
		if high != "" {
			t.high, _ = strconv.Atoi(high)
			if t.high < t.low {
				return nil, p.fail(here, "min repeat greater than max repeat")
			}
		}
	}
	if len(out.kids) == 0 {
		return nil, p.fail(here-1, "nothing to repeat")
	}
	last := out.kids[len(out.kids)-1]
	switch last.kind {
	case begin, end, atStart, atEnd, boundary:
		return nil, p.fail(here-1, "nothing to repeat")
	case repeat:
		return nil, p.fail(here-1, "multiple repeat")
	}
	out.kids = out.kids[:len(out.kids)-1]
	t.kids = []*tree{last}
	if p.match("?") {
		t.lazy = true
	} else if p.match("+") {
		t.possessive = true
	}
	return t, nil
}

func (p *parser) digits() string {
	from := p.at
	for p.at < len(p.source) && p.source[p.at] >= '0' && p.source[p.at] <= '9' {
		p.at++
	}
	return string(p.source[from:p.at])
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if !(r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || i > 0 && (unicode.IsDigit(r) || unicode.IsMark(r))) {
			return false
		}
	}
	return name != ""
}

// until reads a name up to its terminator.
func (p *parser) until(terminator string) (string, error) {
	name := ""
	for {
		t := p.get()
		if t == "" {
			if name == "" {
				return "", p.fail(p.at, "missing group name")
			}
			return "", p.fail(p.at-len([]rune(name)), "missing %s, unterminated name", terminator)
		}
		if t == terminator {
			if name == "" {
				return "", p.fail(p.at-1, "missing group name")
			}
			return name, nil
		}
		name += t
	}
}

// nameAt is where a name began that until has just read.
func (p *parser) nameAt(name string) int { return p.at - len([]rune(name)) - 1 }
