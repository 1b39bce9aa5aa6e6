package pyre

import (
	"strconv"
	"strings"
	"unicode"
)

// group reads what follows an opening parenthesis. Nil: nothing that matches
// (a comment, flags for the whole pattern).
func (p *parser) group(first bool) (*tree, error) {
	start := p.at - 1
	out := &tree{kind: group}
	capture, name := true, ""
	if p.match("?") {
		char := p.get()
		switch {
		case char == "":
			return nil, p.fail(p.at, "unexpected end of pattern")
		case char == "P":
			t, n, err := p.named()
			if err != nil || t != nil {
				return t, err
			}
			name = n
		case char == ":":
			capture = false
		case char == ">":
			capture, out.kind = false, atomic
		case char == "#":
			for {
				switch p.get() {
				case "":
					return nil, p.fail(start, "missing ), unterminated comment")
				case ")":
					return nil, nil
				}
			}
		case strings.Contains("=!<", char):
			return p.look(char, start)
		case char == "(":
			return p.condition(start)
		case strings.Contains("iLmsxau-", char):
			global, err := p.inline(char, out)
			if err != nil {
				return nil, err
			}
			if global {
				if !first {
					return nil, p.fail(start, "global flags not at the start of the expression")
				}
				return nil, nil
			}
			capture = false
		default:
			return nil, p.fail(p.at-len([]rune(char))-1, "unknown extension ?%s", char)
		}
	}
	if capture {
		if p.names[name] != 0 && name != "" {
			return nil, p.fail(p.nameAt(name), "redefinition of group name %s as group %d; was group %d", quoted(name), p.groups, p.names[name])
		}
		out.n = p.groups
		p.groups++
		if name != "" {
			p.names[name] = out.n
		}
	}
	flags := p.flags
	p.flags = p.flags&^out.drop | out.add
	inner, err := p.alternatives(false)
	p.flags = flags
	if err != nil {
		return nil, err
	}
	if !p.match(")") {
		return nil, p.fail(start, "missing ), unterminated subpattern")
	}
	if out.n > 0 {
		low, high := p.width(inner)
		p.widths[out.n] = [2]int{low, high}
	}
	out.kids = []*tree{inner}
	return out, nil
}

// quoted is Python's repr of a name.
func quoted(s string) string {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s) + "'"
}

func (p *parser) closed(n int) bool {
	_, ok := p.widths[n]
	return ok
}

// seen refuses groups that a look-behind must not refer to.
func (p *parser) seen(n int) error {
	switch {
	case p.behind == 0:
		return nil
	case !p.closed(n):
		return p.fail(p.at, "cannot refer to an open group")
	case n >= p.behind:
		return p.fail(p.at, "cannot refer to group defined in the same lookbehind subpattern")
	}
	return nil
}

// named reads (?P<name> and gives the name, or (?P=name) and gives the
// reference.
func (p *parser) named() (*tree, string, error) {
	switch {
	case p.match("<"):
		name, err := p.until(">")
		if err == nil && !isIdentifier(name) {
			err = p.fail(p.nameAt(name), "bad character in group name %s", quoted(name))
		}
		return nil, name, err
	case p.match("="):
		name, err := p.until(")")
		if err != nil {
			return nil, "", err
		}
		if !isIdentifier(name) {
			return nil, "", p.fail(p.nameAt(name), "bad character in group name %s", quoted(name))
		}
		n, ok := p.names[name]
		if !ok {
			return nil, "", p.fail(p.nameAt(name), "unknown group name %s", quoted(name))
		}
		if !p.closed(n) {
			return nil, "", p.fail(p.nameAt(name), "cannot refer to an open group")
		}
		return &tree{kind: reference, n: n}, "", p.seen(n)
	}
	char := p.get()
	if char == "" {
		return nil, "", p.fail(p.at, "unexpected end of pattern")
	}
	return nil, "", p.fail(p.at-len([]rune(char))-2, "unknown extension ?P%s", char)
}

func (p *parser) look(char string, start int) (*tree, error) {
	out := &tree{kind: look}
	if char == "<" {
		out.behind = true
		char = p.get()
		if char == "" {
			return nil, p.fail(p.at, "unexpected end of pattern")
		}
		if char != "=" && char != "!" {
			return nil, p.fail(p.at-len([]rune(char))-2, "unknown extension ?<%s", char)
		}
	}
	outer := p.behind
	if out.behind && outer == 0 {
		p.behind = p.groups
	}
	inner, err := p.alternatives(false)
	p.behind = outer
	if err != nil {
		return nil, err
	}
	if !p.match(")") {
		return nil, p.fail(start, "missing ), unterminated subpattern")
	}
	out.negated = char == "!"
	if out.negated && inner.kind == sequence && len(inner.kids) == 0 {
		return &tree{kind: nothing}, nil
	}
	out.kids = []*tree{inner}
	return out, nil
}

// condition reads (?(group)yes|no).
func (p *parser) condition(start int) (*tree, error) {
	name, err := p.until(")")
	if err != nil {
		return nil, err
	}
	n, ok := p.names[name]
	if isIdentifier(name) {
		if !ok {
			return nil, p.fail(p.nameAt(name), "unknown group name %s", quoted(name))
		}
	} else {
		if n, err = strconv.Atoi(strings.TrimSpace(name)); err != nil || n < 0 {
			return nil, p.fail(p.nameAt(name), "bad character in group name %s", quoted(name))
		}
		if n == 0 {
			return nil, p.fail(p.nameAt(name), "bad group number")
		}
		if _, seen := p.referred[n]; !seen {
			p.referred[n] = p.nameAt(name)
		}
	}
	if err := p.seen(n); err != nil {
		return nil, err
	}
	out := &tree{kind: exists, n: n}
	yes, err := p.sequence(false)
	if err != nil {
		return nil, err
	}
	no := &tree{kind: sequence}
	if p.match("|") {
		if no, err = p.sequence(false); err != nil {
			return nil, err
		}
		if p.next() == "|" {
			return nil, p.fail(p.at, "conditional backref with more than two branches")
		}
	}
	if !p.match(")") {
		return nil, p.fail(start, "missing ), unterminated subpattern")
	}
	out.kids = []*tree{yes, no}
	return out, nil
}

var inlineFlags = map[string]Flags{"i": IgnoreCase, "m": MultiLine, "s": DotAll, "x": Verbose, "a": ASCII, "u": 0, "L": 0}

// inline reads flags: those of the whole pattern (global), or of a group.
func (p *parser) inline(char string, out *tree) (global bool, err error) {
	unknown := func(char, otherwise string) error {
		if unicode.IsLetter([]rune(char)[0]) {
			return p.fail(p.at-len([]rune(char)), "unknown flag")
		}
		return p.fail(p.at-len([]rune(char)), "%s", otherwise)
	}
	seen := ""
	for char != "-" {
		if char == "L" {
			return false, p.fail(p.at, "bad inline flags: cannot use 'L' flag with a str pattern")
		}
		seen += char
		if strings.Contains(seen, "a") && strings.Contains(seen, "u") {
			return false, p.fail(p.at, "bad inline flags: flags 'a', 'u' and 'L' are incompatible")
		}
		out.add |= inlineFlags[char]
		char = p.get()
		if char == "" {
			return false, p.fail(p.at, "missing -, : or )")
		}
		if strings.Contains(")-:", char) {
			break
		}
		if _, ok := inlineFlags[char]; !ok {
			return false, unknown(char, "missing -, : or )")
		}
	}
	switch char {
	case ")":
		p.flags |= out.add
		return true, nil
	case ":":
		return false, nil
	}
	char = p.get()
	if char == "" {
		return false, p.fail(p.at, "missing flag")
	}
	if _, ok := inlineFlags[char]; !ok {
		return false, unknown(char, "missing flag")
	}
	for {
		if strings.Contains("auL", char) {
			return false, p.fail(p.at, "bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
		}
		out.drop |= inlineFlags[char]
		char = p.get()
		if char == "" {
			return false, p.fail(p.at, "missing :")
		}
		if char == ":" {
			break
		}
		if _, ok := inlineFlags[char]; !ok {
			return false, unknown(char, "missing :")
		}
	}
	if out.add&out.drop != 0 {
		return false, p.fail(p.at-1, "bad inline flags: flag turned on and off")
	}
	return false, nil
}
