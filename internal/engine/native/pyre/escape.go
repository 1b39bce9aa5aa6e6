package pyre

import (
	"strconv"
	"strings"
	"unicode"
)

var escapes = map[string]rune{`\a`: 7, `\b`: 8, `\f`: 12, `\n`: 10, `\r`: 13, `\t`: 9, `\v`: 11, `\\`: '\\'}

func isLetter(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' }

// while reads at most n more characters of those given.
func (p *parser) while(n int, of string) string {
	from := p.at
	for p.at < len(p.source) && p.at < from+n && strings.ContainsRune(of, p.source[p.at]) {
		p.at++
	}
	return string(p.source[from:p.at])
}

const (
	octal = "01234567"
	hex   = "0123456789abcdefABCDEF"
)

// coded reads the escapes that name a character by its number; ok is false for
// others.
func (p *parser) coded(escape string) (char rune, ok bool, err error) {
	length := map[byte]int{'x': 2, 'u': 4, 'U': 8}[escape[1]]
	if length == 0 {
		return 0, false, nil
	}
	digits := p.while(length, hex)
	escape += digits
	if len(digits) != length {
		return 0, false, p.fail(p.at-len(escape), "incomplete escape %s", escape)
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || n > unicode.MaxRune {
		return 0, false, p.fail(p.at-len(escape), "bad escape %s", escape)
	}
	return rune(n), true, nil
}

// escape reads an escape outside of a set.
func (p *parser) escape(this string) (*tree, error) {
	c := this[1]
	switch c {
	case 'A':
		return &tree{kind: atStart}, nil
	case 'Z':
		return &tree{kind: atEnd}, nil
	case 'b', 'B':
		return &tree{kind: boundary, negated: c == 'B'}, nil
	case 'd', 'D', 's', 'S', 'w', 'W':
		return &tree{kind: set, items: []item{{category: rune(c)}}}, nil
	case '0':
		n, _ := strconv.ParseUint("0"+p.while(2, octal), 8, 32)
		return &tree{kind: literal, char: rune(n)}, nil
	}
	if char, ok := escapes[this]; ok {
		return &tree{kind: literal, char: char}, nil
	}
	if char, ok, err := p.coded(this); ok || err != nil {
		return &tree{kind: literal, char: char}, err
	}
	if c >= '1' && c <= '9' {
		return p.reference(this)
	}
	if isLetter(c) {
		return nil, p.fail(p.at-2, "bad escape %s", this)
	}
	return &tree{kind: literal, char: []rune(this)[1]}, nil
}

// reference reads a group's number, or three octal digits.
func (p *parser) reference(this string) (*tree, error) {
	this += p.while(1, "0123456789")
	if len(this) == 3 && this[1] < '8' && this[2] < '8' {
		if third := p.while(1, octal); third != "" {
			this += third
			n, _ := strconv.ParseUint(this[1:], 8, 32)
			if n > 0o377 {
				return nil, p.fail(p.at-4, "octal escape value %s outside of range 0-0o377", this)
			}
			return &tree{kind: literal, char: rune(n)}, nil
		}
	}
	n, _ := strconv.Atoi(this[1:])
	if n >= p.groups {
		return nil, p.fail(p.at-len(this)+1, "invalid group reference %d", n)
	}
	if !p.closed(n) {
		return nil, p.fail(p.at-len(this), "cannot refer to an open group")
	}
	return &tree{kind: reference, n: n}, p.seen(n)
}

// set reads a set of characters after its bracket.
func (p *parser) set() (*tree, error) {
	here := p.at - 1
	out := &tree{kind: set, negated: p.match("^")}
	for {
		this := p.get()
		if this == "" {
			return nil, p.fail(here, "unterminated character set")
		}
		if this == "]" && len(out.items) > 0 {
			return out, nil
		}
		from := p.at - len([]rune(this))
		low, err := p.member(this)
		if err != nil {
			return nil, err
		}
		this = string(p.source[from:p.at])
		if !p.match("-") {
			out.items = append(out.items, low)
			continue
		}
		that := p.get()
		if that == "" {
			return nil, p.fail(here, "unterminated character set")
		}
		if that == "]" {
			out.items = append(out.items, low, item{low: '-', high: '-'})
			return out, nil
		}
		to := p.at - len([]rune(that))
		high, err := p.member(that)
		if err != nil {
			return nil, err
		}
		if low.category != 0 || high.category != 0 || high.low < low.low {
			// Python counts an escape of several characters as two here.
			first, second := short(this), short(string(p.source[to:p.at]))
			return nil, p.fail(p.at-len([]rune(first))-1-len([]rune(second)), "bad character range %s-%s", first, second)
		}
		out.items = append(out.items, item{low: low.low, high: high.low})
	}
}

func short(s string) string {
	if r := []rune(s); r[0] == '\\' && len(r) > 2 {
		return string(r[:2])
	}
	return s
}

// member reads one member of a set.
func (p *parser) member(this string) (item, error) {
	if this[0] != '\\' {
		r := []rune(this)[0]
		return item{low: r, high: r}, nil
	}
	c := this[1]
	if strings.IndexByte("dDsSwW", c) >= 0 {
		return item{category: rune(c)}, nil
	}
	char, ok := escapes[this]
	var err error
	if !ok {
		char, ok, err = p.coded(this)
	}
	switch {
	case err != nil:
		return item{}, err
	case ok:
	case c >= '0' && c <= '7':
		this += p.while(2, octal)
		n, _ := strconv.ParseUint(this[1:], 8, 32)
		if n > 0o377 {
			return item{}, p.fail(p.at-len(this), "octal escape value %s outside of range 0-0o377", this)
		}
		char = rune(n)
	case isLetter(c) || c == '8' || c == '9':
		return item{}, p.fail(p.at-2, "bad escape %s", this)
	default:
		char = []rune(this)[1]
	}
	return item{low: char, high: char}, nil
}
