package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// buffers are reused while answers are small.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 64 << 10

// WriteJSON answers v. json.RawMessage values must be valid JSON; workflow text
// that may be Python's goes through Strict first. A v that cannot be written is
// a fault of the program and panics, before anything is sent.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	out := buffers.Get().(*bytes.Buffer)
	out.Reset()
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	WriteRaw(w, status, bytes.TrimSuffix(out.Bytes(), []byte{'\n'}))
	if out.Cap() <= keptBuffer {
		buffers.Put(out)
	}
}

// WriteRaw answers text that is JSON already.
func WriteRaw(w http.ResponseWriter, status int, text []byte) {
	head(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// head is the head of a JSON answer.
func head(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// WriteEmpty answers 200 with nothing, as ComfyUI does after a command.
func WriteEmpty(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
