package pyjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf16"
)

// Dump writes a value as Python's json.dumps does: ", " and ": " between
// things, only ASCII, floats by repr, NaN and Infinity as words.
func Dump(v Value) []byte { return written(dump, v) }

// Strict is Dump for readers that take only what the standard allows: numbers
// that are not finite become null.
func Strict(v Value) []byte { return written(strict, v) }

// Repr is Python's repr of a value: {'a': [True, None, 1.0]}.
func Repr(v Value) string { return string(written(repr, v)) }

// Str is Python's str of a value: a string itself, of other values the repr.
func Str(v Value) string {
	if v.Kind == String {
		return v.Text()
	}
	return Repr(v)
}

// QuoteUTF8 is s as JSON with the escapes that JSON itself asks for and no
// others: not Python's for what is not ASCII, and not those of HTML.
func QuoteUTF8(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("pyjson: " + err.Error()) // every string can be written
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// Quote is what json.dumps writes for a string.
func Quote(s string) []byte { return quote(nil, s) }

// ReprText is Python's repr of a string.
func ReprText(s string) string { return string(reprText(nil, s)) }

type style uint8

const (
	dump style = iota
	strict
	repr
)

func written(s style, v Value) []byte {
	if v.Kind == Absent {
		return nil
	}
	w := writer{doc: v.doc, style: s}
	w.value(v.Start)
	return w.out
}

// writer copies a checked text into another style in one pass.
type writer struct {
	doc   []byte
	out   []byte
	style style
}

func (w *writer) value(i int) (end int) {
	switch w.doc[i] {
	case '{':
		return w.object(i)
	case '[':
		return w.array(i)
	case '"':
		end = skipText(w.doc, i)
		w.text(Value{Kind: String, Start: i, End: end, doc: w.doc})
		return end
	}
	end = skip(w.doc, i)
	w.out = append(w.out, w.scalar(at(w.doc, i, end))...)
	return end
}

func (w *writer) text(v Value) {
	if w.style == repr {
		w.out = reprText(w.out, v.Text())
	} else {
		w.out = quote(w.out, v.Text())
	}
}

func (w *writer) array(i int) int {
	w.out = append(w.out, '[')
	i = skipSpace(w.doc, i+1)
	for n := 0; w.doc[i] != ']'; n++ {
		if n > 0 {
			w.out = append(w.out, ", "...)
		}
		i = skipSpace(w.doc, w.value(i))
		if w.doc[i] == ',' {
			i = skipSpace(w.doc, i+1)
		}
	}
	w.out = append(w.out, ']')
	return i + 1
}

// piece is a member that has been written to out[start:end].
type piece struct{ start, end int }

func (w *writer) object(i int) int {
	w.out = append(w.out, '{')
	begin := len(w.out)
	var pieces []piece
	var seen map[string]int
	twice := false
	i = skipSpace(w.doc, i+1)
	for n := 0; w.doc[i] != '}'; n++ {
		if n > 0 {
			w.out = append(w.out, ", "...)
		}
		end := skipText(w.doc, i)
		key := Value{Kind: String, Start: i, End: end, doc: w.doc}
		start := len(w.out)
		w.text(key)
		w.out = append(w.out, ": "...)
		i = skipSpace(w.doc, w.value(skipSpace(w.doc, skipSpace(w.doc, end)+1)))
		if w.doc[i] == ',' {
			i = skipSpace(w.doc, i+1)
		}
		p := piece{start, len(w.out)}
		k := key.Text()
		if first, ok := seen[k]; ok {
			pieces[first], twice = p, true
			continue
		}
		if seen == nil {
			seen = map[string]int{}
		}
		seen[k] = len(pieces)
		pieces = append(pieces, p)
	}
	if twice {
		old := slices.Clone(w.out[begin:])
		w.out = w.out[:begin]
		for n, p := range pieces {
			if n > 0 {
				w.out = append(w.out, ", "...)
			}
			w.out = append(w.out, old[p.start-begin:p.end-begin]...)
		}
	}
	w.out = append(w.out, '}')
	return i + 1
}

func (w *writer) scalar(v Value) string {
	switch v.Kind {
	case Null:
		if w.style == repr {
			return "None"
		}
		return "null"
	case Bool:
		switch {
		case w.style != repr:
			return string(v.Raw())
		case w.doc[v.Start] == 't':
			return "True"
		}
		return "False"
	case Float:
		f := v.Float()
		switch {
		case w.style == repr:
			return FloatRepr(f)
		case w.style == strict && f-f != 0:
			return "null"
		}
		return floatJSON(f)
	}
	return v.Digits()
}

const hexDigits = "0123456789abcdef"

func quote(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); {
		r, n := runeAt(s[i:])
		i += n
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r >= ' ' && r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendHex(append(out, `\u`...), high, 4)
			out = appendHex(append(out, `\u`...), low, 4)
		default:
			out = appendHex(append(out, `\u`...), r, 4)
		}
	}
	return append(out, '"')
}

func appendHex(out []byte, r rune, digits int) []byte {
	for digits--; digits >= 0; digits-- {
		out = append(out, hexDigits[r>>(4*digits)&15])
	}
	return out
}

func reprText(out []byte, s string) []byte {
	q := byte('\'')
	if bytes.IndexByte([]byte(s), '\'') >= 0 && bytes.IndexByte([]byte(s), '"') < 0 {
		q = '"'
	}
	out = append(out, q)
	for i := 0; i < len(s); {
		r, n := runeAt(s[i:])
		part := s[i : i+n]
		i += n
		switch {
		case r == rune(q) || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case unicode.IsPrint(r) && !utf16.IsSurrogate(r):
			out = append(out, part...)
		case r < 0x100:
			out = appendHex(append(out, `\x`...), r, 2)
		case r < 0x10000:
			out = appendHex(append(out, `\u`...), r, 4)
		default:
			out = appendHex(append(out, `\U`...), r, 8)
		}
	}
	return append(out, q)
}

// FloatRepr is Python's repr of a float: 1.0, 1e-05, 1e+16, nan, -inf.
func FloatRepr(f float64) string {
	switch {
	case f != f:
		return "nan"
	case f-f != 0 && f > 0:
		return "inf"
	case f-f != 0:
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	e := bytes.IndexByte([]byte(s), 'e')
	if exp, _ := strconv.Atoi(s[e+1:]); exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if bytes.IndexByte([]byte(s), '.') < 0 {
		s += ".0"
	}
	return s
}

func floatJSON(f float64) string {
	switch {
	case f != f:
		return "NaN"
	case f-f != 0 && f > 0:
		return "Infinity"
	case f-f != 0:
		return "-Infinity"
	}
	return FloatRepr(f)
}
