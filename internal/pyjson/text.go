package pyjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a string's value, "" for other kinds. Half a surrogate pair, which
// JSON can write and Python keeps, becomes the three bytes it would have in
// UTF-8: utf8.ValidString tells.
func (v Value) Text() string {
	if v.Kind != String {
		return ""
	}
	inner := v.doc[v.Start+1 : v.End-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return string(unescape(make([]byte, 0, len(inner)), inner))
}

// is reports whether a string's value is s.
func (v Value) is(s string) bool {
	inner := v.doc[v.Start+1 : v.End-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == s
	}
	return v.Text() == s
}

func unescape(out, in []byte) []byte {
	for i := 0; i < len(in); {
		if in[i] != '\\' {
			out = append(out, in[i])
			i++
			continue
		}
		switch c := in[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(in, i+2)
			i += 6
			if utf16.IsSurrogate(r) && i+1 < len(in) && in[i] == '\\' && in[i+1] == 'u' {
				if low, ok := hex4(in, i+2); ok {
					if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
						r = both
						i += 6
					}
				}
			}
			out = appendRune(out, r)
			continue
		default:
			out = append(out, c)
		}
		i += 2
	}
	return out
}

// appendRune writes r in UTF-8, half a surrogate pair too.
func appendRune(out []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(out, r)
}

// runeAt is appendRune's inverse: the character that s starts with.
func runeAt(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 && len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80 {
		return rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, n
}
