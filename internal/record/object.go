package record

import (
	"bytes"
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// field is one member of an object whose order matters.
type field struct {
	name  string
	value json.RawMessage
}

// object writes an object with its members in order.
func object(fields ...field) json.RawMessage {
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text(f.name)...)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	return append(b, '}')
}

// nodes is an object under construction: a name set again keeps its place.
type nodes []field

func (n *nodes) set(name string, value json.RawMessage) {
	for i := range *n {
		if (*n)[i].name == name {
			(*n)[i].value = value
			return
		}
	}
	*n = append(*n, field{name, value})
}

// array writes a list.
func array(values []json.RawMessage) json.RawMessage {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

// text writes a string.
func text(s string) json.RawMessage { return pyjson.QuoteUTF8(s) }

// file writes a file's name, followed by further members.
func file(f settee.File, more []byte) json.RawMessage {
	b := object(field{"filename", text(f.Filename)}, field{"subfolder", text(f.Subfolder)}, field{"type", text(string(f.Type))})
	if len(more) == 0 {
		return b
	}
	return append(append(append(b[:len(b)-1], ','), more...), '}')
}

// members are the bytes between an object's braces; nil when it is none.
func members(raw json.RawMessage) []byte {
	s := bytes.TrimSpace(raw)
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil
	}
	return bytes.TrimSpace(s[1 : len(s)-1])
}
