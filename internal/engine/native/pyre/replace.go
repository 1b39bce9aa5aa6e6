package pyre

import (
	"context"
	"strconv"
	"strings"
)

// UnknownName says that a template names a group that the pattern has not:
// Python's IndexError.
type UnknownName struct{ Name string }

func (e *UnknownName) Error() string { return "unknown group name " + quoted(e.Name) }

// part of a template: text, or what a group matched.
type part struct {
	text  string
	group int // −1: text
}

// Replace puts the template in the place of each match, at most limit of them
// (0: all): \1, \g<1> and \g<name> stand for groups. Take (nil: none) is asked
// for the bytes of the result. The error may be an *Error or an *UnknownName.
func (p *Pattern) Replace(ctx context.Context, text, template string, limit int, take func(bytes int64) error) (string, error) {
	parts, err := p.template(template)
	if err != nil {
		return "", err
	}
	matches, err := p.Find(ctx, text, limit)
	if err != nil {
		return "", err
	}
	size := int64(len(text))
	for _, m := range matches {
		for _, x := range parts {
			size += int64(len(x.in(m)))
		}
	}
	if take != nil {
		if err := take(size); err != nil {
			return "", err
		}
	}
	source := []rune(text)
	var out strings.Builder
	at := 0
	for _, m := range matches {
		out.WriteString(string(source[at:m.spans[0][0]]))
		at = m.spans[0][1]
		for _, x := range parts {
			out.WriteString(x.in(m))
		}
	}
	out.WriteString(string(source[at:]))
	return out.String(), nil
}

// in is what the part stands for in a match.
func (x part) in(m *Match) string {
	if x.group < 0 {
		return x.text
	}
	text, _ := m.Group(x.group)
	return text
}

func (p *Pattern) template(text string) ([]part, error) {
	t := &parser{source: []rune(text), text: text}
	var parts []part
	add := func(s string) { parts = append(parts, part{s, -1}) }
	refer := func(n, position int) error {
		if n >= p.groups {
			return t.fail(position, "invalid group reference %d", n)
		}
		parts = append(parts, part{group: n})
		return nil
	}
	for this := t.get(); this != ""; this = t.get() {
		if this[0] != '\\' {
			add(this)
			continue
		}
		var err error
		switch c := this[1]; {
		case c == 'g':
			err = p.groupName(t, refer)
		case c == '0':
			n, _ := strconv.ParseUint("0"+t.while(2, octal), 8, 32)
			add(string(rune(n & 0xff)))
		case c >= '1' && c <= '9':
			this += t.while(1, "0123456789")
			if len(this) == 3 && this[1] < '8' && this[2] < '8' {
				if third := t.while(1, octal); third != "" {
					this += third
					n, _ := strconv.ParseUint(this[1:], 8, 32)
					if n > 0o377 {
						err = t.fail(t.at-4, "octal escape value %s outside of range 0-0o377", this)
						break
					}
					add(string(rune(n)))
					break
				}
			}
			n, _ := strconv.Atoi(this[1:])
			err = refer(n, t.at-len(this)+1)
		default:
			char, ok := escapes[this]
			switch {
			case ok:
				add(string(char))
			case isLetter(c):
				err = t.fail(t.at-2, "bad escape %s", this)
			default:
				add(this)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if t.broken != nil {
		return nil, t.broken
	}
	return parts, nil
}

// groupName reads the <name> of \g<name>.
func (p *Pattern) groupName(t *parser, refer func(n, position int) error) error {
	if !t.match("<") {
		return t.fail(t.at, "missing <")
	}
	name, err := t.until(">")
	if err != nil {
		return err
	}
	if isIdentifier(name) {
		n, ok := p.names[name]
		if !ok {
			return &UnknownName{name}
		}
		return refer(n, t.nameAt(name))
	}
	n, err := strconv.Atoi(strings.TrimSpace(name))
	if err != nil || n < 0 {
		return t.fail(t.nameAt(name), "bad character in group name %s", quoted(name))
	}
	return refer(n, t.nameAt(name))
}
