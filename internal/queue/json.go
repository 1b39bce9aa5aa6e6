package queue

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
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
func text(s string) json.RawMessage { return marshal(s) }

// marshal is v as JSON without the escapes that only HTML needs.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("queue: " + err.Error()) // strings, structs of strings, and JSON that was checked
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// Stamp adds a timestamp in milliseconds to an event's data, unless it has one.
func Stamp(data json.RawMessage, now time.Time) json.RawMessage {
	var has struct {
		Timestamp json.RawMessage `json:"timestamp"`
	}
	data = bytes.TrimSpace(data)
	if json.Unmarshal(data, &has) != nil || has.Timestamp != nil {
		return data
	}
	body := bytes.TrimSpace(bytes.TrimSuffix(data, []byte{'}'}))
	out := append([]byte(nil), body...)
	if !bytes.HasSuffix(body, []byte{'{'}) {
		out = append(out, ',')
	}
	out = append(out, `"timestamp":`...)
	out = strconv.AppendInt(out, now.UnixMilli(), 10)
	return append(out, '}')
}
