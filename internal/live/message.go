package live

import (
	"bytes"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// Message is one WebSocket message: Text or Binary is set. It must not be
// changed.
type Message struct {
	Text   []byte
	Binary []byte
}

// message is a Message with what the hub needs to know of it. Listeners share
// it; it is never changed.
type message struct {
	body   []byte
	binary bool
	kind   string // the event's type; empty for binary messages and the greeting
	result bool   // of a binary message: an image that is a result and no preview
	job    *job   // nil: about no job
	end    bool   // the job's ending
}

func (m *message) public() Message {
	if m.binary {
		return Message{Binary: m.body}
	}
	return Message{Text: m.body}
}

// text builds an event's message. It begins {"type": as some clients look no
// further (clients F7), and data goes through byte for byte.
func text(kind string, data []byte) *message {
	if len(data) == 0 {
		data = []byte("null")
	}
	name := pyjson.QuoteUTF8(kind)
	b := make([]byte, 0, len(name)+len(data)+len(`{"type":,"data":}`))
	b = append(b, `{"type":`...)
	b = append(b, name...)
	b = append(b, `,"data":`...)
	b = append(b, data...)
	return &message{body: append(b, '}'), kind: kind}
}

// greeting is the first status of a session: the account's, with sid.
func greeting(status []byte, sid string) *message {
	b := bytes.TrimSuffix(bytes.TrimSpace(status), []byte{'}'})
	b = append(append(append(bytes.Clone(b), `,"sid":`...), pyjson.QuoteUTF8(sid)...), '}')
	m := text(settee.EventStatus, b)
	m.kind = "" // no later status stands for it
	return m
}

// closing is the executing event that closes a job (clients F8).
func closing(promptID string) *message {
	return text(settee.EventExecuting, []byte(`{"node":null,"prompt_id":`+string(pyjson.QuoteUTF8(promptID))+`}`))
}
