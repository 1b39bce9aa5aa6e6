package pyjson

import (
	"bytes"
	"unicode/utf8"
)

// scanner checks a text. Its methods take the offset where something starts
// and give the one where it ends; after the first error they give anything.
type scanner struct {
	doc []byte
	err *SyntaxError
}

func (s *scanner) fail(at int, reason string) int {
	if s.err == nil {
		s.err = &SyntaxError{Offset: at, Reason: reason}
	}
	return len(s.doc)
}

func (s *scanner) space(i int) int {
	for i < len(s.doc) {
		switch s.doc[i] {
		case ' ', '\t', '\r', '\n':
			i++
		default:
			return i
		}
	}
	return i
}

func (s *scanner) value(i, depth int) int {
	if i >= len(s.doc) {
		return s.fail(i, "the text ends where a value should be")
	}
	c := s.doc[i]
	if depth == MaxDepth && (c == '{' || c == '[') {
		return s.fail(i, "nested too deep")
	}
	switch c {
	case '{':
		return s.object(i+1, depth+1)
	case '[':
		return s.array(i+1, depth+1)
	case '"':
		return s.text(i)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	case 'N':
		return s.word(i, "NaN")
	case 'I':
		return s.word(i, "Infinity")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(i)
	}
	return s.fail(i, "no value starts like this")
}

func (s *scanner) object(i, depth int) int {
	i = s.space(i)
	if i < len(s.doc) && s.doc[i] == '}' {
		return i + 1
	}
	for s.err == nil {
		if i >= len(s.doc) || s.doc[i] != '"' {
			return s.fail(i, "a key in double quotes should be here")
		}
		i = s.space(s.text(i))
		if i >= len(s.doc) || s.doc[i] != ':' {
			return s.fail(i, "a colon should be here")
		}
		i = s.space(s.value(s.space(i+1), depth))
		if i >= len(s.doc) {
			return s.fail(i, "the text ends inside an object")
		}
		switch s.doc[i] {
		case '}':
			return i + 1
		case ',':
			i = s.space(i + 1)
		default:
			return s.fail(i, "a comma or a closing brace should be here")
		}
	}
	return i
}

func (s *scanner) array(i, depth int) int {
	i = s.space(i)
	if i < len(s.doc) && s.doc[i] == ']' {
		return i + 1
	}
	for s.err == nil {
		i = s.space(s.value(i, depth))
		if i >= len(s.doc) {
			return s.fail(i, "the text ends inside an array")
		}
		switch s.doc[i] {
		case ']':
			return i + 1
		case ',':
			i = s.space(i + 1)
		default:
			return s.fail(i, "a comma or a closing bracket should be here")
		}
	}
	return i
}

func (s *scanner) word(i int, w string) int {
	if !bytes.HasPrefix(s.doc[i:], []byte(w)) {
		return s.fail(i, "no value starts like this")
	}
	return i + len(w)
}

func (s *scanner) digits(i int) int {
	for i < len(s.doc) && s.doc[i] >= '0' && s.doc[i] <= '9' {
		i++
	}
	return i
}

func (s *scanner) number(start int) int {
	i := start
	if s.doc[i] == '-' {
		if i++; i < len(s.doc) && s.doc[i] == 'I' {
			return s.word(i, "Infinity")
		}
	}
	whole := s.digits(i)
	if whole == i {
		return s.fail(i, "a digit should be here")
	}
	if s.doc[i] == '0' {
		whole = i + 1 // a second digit is more text
	}
	end, float := whole, false
	if end < len(s.doc) && s.doc[end] == '.' {
		if d := s.digits(end + 1); d > end+1 {
			end, float = d, true
		}
	}
	if end < len(s.doc) && (s.doc[end] == 'e' || s.doc[end] == 'E') {
		e := end + 1
		if e < len(s.doc) && (s.doc[e] == '+' || s.doc[e] == '-') {
			e++
		}
		if d := s.digits(e); d > e {
			end, float = d, true
		}
	}
	if !float && whole-i > MaxDigits {
		return s.fail(start, "a whole number of too many digits")
	}
	return end
}

func (s *scanner) text(start int) int {
	for i := start + 1; i < len(s.doc); {
		switch c := s.doc[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i+1 >= len(s.doc) {
				return s.fail(start, "a string does not end")
			}
			switch s.doc[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if _, ok := hex4(s.doc, i+2); !ok {
					return s.fail(i, "four hexadecimal digits should follow \\u")
				}
				i += 6
			default:
				return s.fail(i, "no such escape in a string")
			}
		case c < 0x20:
			return s.fail(i, "a control character in a string")
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(s.doc[i:])
			if r == utf8.RuneError && n <= 1 {
				return s.fail(i, "not UTF-8")
			}
			i += n
		}
	}
	return s.fail(start, "a string does not end")
}

// hex4 is the number that four hexadecimal digits write.
func hex4(doc []byte, i int) (rune, bool) {
	if i+4 > len(doc) {
		return 0, false
	}
	var r rune
	for _, c := range doc[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// The following walk a checked text, where nothing can be wrong.

func skipSpace(doc []byte, i int) int {
	for doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r' {
		i++
	}
	return i
}

func skipText(doc []byte, i int) int {
	for i++; doc[i] != '"'; i++ {
		if doc[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skip(doc []byte, i int) int {
	depth := 0
	for {
		switch doc[i] {
		case '"':
			i = skipText(doc, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
			continue
		default:
			for i < len(doc) && inScalar(doc[i]) {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
}

// inScalar reports whether a number or a word goes on with c.
func inScalar(c byte) bool {
	switch c {
	case ',', ':', ']', '}', ' ', '\n', '\t', '\r':
		return false
	}
	return true
}
