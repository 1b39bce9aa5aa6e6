package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// The recorder's files hold JSON as Python writes it, NaN and all. These
// functions cut it without reading numbers, so that nothing in it changes.

// squeeze takes the line breaks out of pretty JSON and escapes what is not
// ASCII: what is left is what Python's json.dumps writes (", " and ": ").
func squeeze(raw string) string {
	var out strings.Builder
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '"':
			end := stringEnd(raw, i)
			out.WriteString(ascii(raw[i:end]))
			i = end
		case ' ', '\t', '\r', '\n':
			i++
		case ',', ':':
			out.WriteByte(c)
			out.WriteByte(' ')
			i++
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}

// ascii escapes other letters, in JSON only ever part of strings.
func ascii(raw string) string {
	if !strings.ContainsFunc(raw, func(r rune) bool { return r > 126 }) {
		return raw
	}
	var out strings.Builder
	for _, r := range raw {
		switch {
		case r < 127:
			out.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		}
	}
	return out.String()
}

// stringEnd is the index after the string that starts at i.
func stringEnd(raw string, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// valueEnd is the index after the value that starts at i.
func valueEnd(raw string, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// member is a key of an object with its value as written.
type member struct{ key, value string }

// members are the keys of an object, in order.
func members(raw string) ([]member, error) {
	raw = strings.TrimSpace(raw)
	if !strings.HasPrefix(raw, "{") {
		return nil, fmt.Errorf("not an object: %.40s", raw)
	}
	var all []member
	for i := 1; i < len(raw); {
		switch raw[i] {
		case ' ', ',', '\n', '\r', '\t':
			i++
		case '}':
			return all, nil
		case '"':
			end := stringEnd(raw, i)
			key := raw[i+1 : end-1] // the keys we look for have no escapes
			start := end + strings.IndexFunc(raw[end:], func(r rune) bool { return !strings.ContainsRune(": \n\r\t", r) })
			end = valueEnd(raw, start)
			all = append(all, member{key, raw[start:end]})
			i = end
		default:
			return nil, fmt.Errorf("bad object at %d: %.40s", i, raw[i:])
		}
	}
	return nil, fmt.Errorf("object without end")
}

// fields are the keys of an object, as written.
func fields(raw string) (map[string]string, error) {
	all, err := members(raw)
	if err != nil {
		return nil, err
	}
	m := make(map[string]string, len(all))
	for _, x := range all {
		m[x.key] = x.value
	}
	return m, nil
}

// untraced empties every traceback: its lines are source code. cut reports
// whether there was one.
func untraced(raw []byte) (out []byte, cut bool) {
	key := []byte(`"traceback": [`)
	for {
		i := bytes.Index(raw, key)
		if i < 0 {
			return append(out, raw...), cut
		}
		start := i + len(key) - 1
		end := valueEnd(string(raw), start)
		if end > start+2 {
			cut = true
		}
		out = append(out, raw[:start]...)
		out = append(out, "[]"...)
		raw = raw[end:]
	}
}
