package api

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Stream is a 200 whose JSON is sent while it is made: it may be larger than
// what should be held. Whatever is short is answered as a whole, with its
// length.
type Stream struct {
	w    http.ResponseWriter
	out  bytes.Buffer
	sent bool
}

// held is how much of a stream waits before it is sent, in bytes.
const held = 64 << 10

// NewStream answers on w.
func NewStream(w http.ResponseWriter) *Stream { return &Stream{w: w} }

// Text adds JSON's own text.
func (s *Stream) Text(text string) { s.out.WriteString(text) }

// Value adds v as JSON, as WriteJSON would. The error is that of a client that
// has gone.
func (s *Stream) Value(v any) error {
	e := json.NewEncoder(&s.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	s.out.Truncate(s.out.Len() - 1) // the encoder's line end
	if s.out.Len() < held {
		return nil
	}
	return s.send()
}

func (s *Stream) send() error {
	if !s.sent {
		head(s.w.Header())
		s.w.WriteHeader(http.StatusOK)
		s.sent = true
	}
	_, err := s.w.Write(s.out.Bytes())
	s.out.Reset()
	if s.out.Cap() > 4*held {
		s.out = bytes.Buffer{}
	}
	return err
}

// End ends the answer: with what was added, or with err's fault. When a part of
// it is out already, a fault breaks the connection, so that no client takes half
// an answer for a whole one.
func (s *Stream) End(r *http.Request, err error) {
	switch {
	case err != nil && s.sent:
		panic(http.ErrAbortHandler)
	case err != nil:
		Fail(s.w, r, err)
	case s.sent:
		_ = s.send() // a client that has gone
	default:
		WriteRaw(s.w, http.StatusOK, s.out.Bytes())
	}
}
