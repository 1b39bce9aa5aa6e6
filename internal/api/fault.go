package api

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/settee/settee"
)

// CodeMethod says that the path exists and the method does not.
const CodeMethod settee.Code = "method_not_allowed"

// Envelope makes a surface's error body, as WriteJSON takes it.
type Envelope func(f *settee.Fault) any

// Plain is the envelope {"code","message"}.
func Plain(f *settee.Fault) any {
	return struct {
		Code    settee.Code `json:"code"`
		Message string      `json:"message"`
	}{f.Code, f.Message}
}

// Status is the HTTP status of a fault's code.
func Status(code settee.Code) int {
	switch code {
	case settee.CodeInvalid:
		return http.StatusBadRequest
	case settee.CodeUnauthorized:
		return http.StatusUnauthorized
	case settee.CodeCredits:
		return http.StatusPaymentRequired
	case settee.CodeForbidden:
		return http.StatusForbidden
	case settee.CodeNotFound:
		return http.StatusNotFound
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case settee.CodeConflict, settee.CodeLeaseLost:
		return http.StatusConflict
	case settee.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case settee.CodeQueueFull, settee.CodeSubscription:
		return http.StatusTooManyRequests
	case settee.CodeUnsupported:
		return http.StatusNotImplemented
	case settee.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Fail answers err in the envelope of the request's surface. An error that is
// no Fault is told to the log alone: the client reads that something of ours
// failed, and the id to ask about.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	q := of(r.Context())
	f, ok := errors.AsType[*settee.Fault](err)
	if !ok {
		f = q.internal(r, err)
	}
	status := Status(f.Code)
	if status >= http.StatusInternalServerError && f.Code != settee.CodeUnsupported && r.Context().Err() == nil {
		q.err = err
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if wait := f.RetryAfter; wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	} else if status == http.StatusServiceUnavailable || f.Code == settee.CodeQueueFull {
		w.Header().Set("Retry-After", strconv.Itoa(int(retry/time.Second)))
	}
	WriteJSON(w, status, q.envelope(r)(f))
}

// retry is how long to wait when a fault does not say.
const retry = 2 * time.Second

// internal is what a client reads of an error of ours.
func (q *request) internal(r *http.Request, err error) *settee.Fault {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return settee.Faultf(settee.CodeTooLarge, "The body is larger than the %d bytes allowed here.", tooLarge.Limit)
	}
	if r.Context().Err() != nil {
		return settee.Faultf(settee.CodeUnavailable, "The request was given up.")
	}
	return &settee.Fault{Code: settee.CodeInternal, Message: "Something failed in the server (request " + q.id + ").", Err: err}
}

func (q *request) envelope(r *http.Request) Envelope {
	for _, e := range q.router.envelopes {
		if e.match(r) {
			return e.write
		}
	}
	return Plain
}
