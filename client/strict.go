package client

import "bytes"

// strict writes NaN, Infinity and -Infinity, which Python's servers answer and
// encoding/json refuses, as null.
func strict(raw []byte) []byte {
	var out []byte
	kept, inText := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == 'N' || c == 'I'):
			start := i
			for _, word := range []string{"NaN", "Infinity"} {
				if bytes.HasPrefix(raw[i:], []byte(word)) {
					if start > 0 && raw[start-1] == '-' {
						start--
					}
					out = append(append(out, raw[kept:start]...), "null"...)
					i += len(word) - 1
					kept = i + 1
					break
				}
			}
		}
	}
	return append(out, raw[kept:]...)
}
