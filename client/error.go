package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer that is not a success.
type Error struct {
	Status     int             // HTTP status
	Code       string          // the envelope's code, e.g. "not_found"; else Type
	Type       string          // ComfyUI's error type on /prompt, e.g. "prompt_outputs_failed_validation"
	Message    string          // a sentence for people, never empty
	Details    string          // more of it, may be empty
	NodeErrors json.RawMessage // ComfyUI's node_errors object; nil when the answer has none
	RetryAfter time.Duration   // > 0 when the server says when to come again
}

// Error is the message with its details, and the status where the message is no
// sentence that speaks for itself.
func (e *Error) Error() string {
	if strings.HasSuffix(e.Message, ".") || strings.HasSuffix(e.Message, "!") || strings.HasSuffix(e.Message, "?") {
		return e.Text()
	}
	return fmt.Sprintf("%s (HTTP %d)", e.Text(), e.Status)
}

// Text is the message with its details: "message: details".
func (e *Error) Text() string {
	if e.Details == "" || e.Details == e.Message {
		return e.Message
	}
	return strings.TrimSuffix(e.Message, ".") + ": " + e.Details
}

// StatusOf is the HTTP status of the first *Error in err's chain, 0 when there
// is none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// maxError is how much of an error's body is read.
const maxError = 8 << 20

// fail reads an answer that is not a success, in any of the envelopes that
// servers use: {code,message}, ComfyUI's {error:{type,message,details},
// node_errors}, {error:{code,message}}, {error:"…"}, or plain text.
func fail(res *http.Response) error {
	e := &Error{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	if err != nil {
		e.Message = http.StatusText(res.StatusCode)
		return e
	}
	var envelope struct {
		Code       string          `json:"code"`
		Message    string          `json:"message"`
		Error      json.RawMessage `json:"error"`
		NodeErrors json.RawMessage `json:"node_errors"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		e.Code, e.Message = envelope.Code, envelope.Message
		if nodes := strings.TrimSpace(string(envelope.NodeErrors)); strings.HasPrefix(nodes, "{") {
			e.NodeErrors = envelope.NodeErrors
		}
		e.inner(envelope.Error)
	} else if html := strings.Contains(res.Header.Get("Content-Type"), "html"); !html && len(body) < 1000 {
		e.Message = strings.TrimSpace(string(body))
	}
	if e.Code == "" {
		e.Code = e.Type
	}
	if e.Message == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	if e.Message == "" {
		e.Message = "the server answered"
	}
	return e
}

// inner reads the envelope's error member.
func (e *Error) inner(raw json.RawMessage) {
	var inner struct {
		Type    string          `json:"type"`
		Code    string          `json:"code"`
		Message string          `json:"message"`
		Details json.RawMessage `json:"details"`
	}
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil && text != "":
		e.Message = text
	case json.Unmarshal(raw, &inner) == nil:
		e.Type = inner.Type
		if e.Code == "" {
			e.Code = inner.Code
		}
		if inner.Message != "" {
			e.Message = inner.Message
		}
		if json.Unmarshal(inner.Details, &text) == nil {
			e.Details = text
		}
	}
}

func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(header))
	if err != nil || seconds < 0 || seconds > 86400 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// unrouted reports whether err says that the server does not know the path, as
// other servers of the same API may not: 405, 501, or a 404 without our
// envelope's not_found.
func unrouted(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	case http.StatusNotFound:
		return !strings.Contains(strings.ToLower(e.Code), "not_found") && e.Message != "Job not found"
	}
	return false
}
