package settee

import (
	"errors"
	"fmt"
	"time"
)

// Code is the kind of a Fault; each surface maps it once to its status and
// envelope.
type Code string

// Codes of faults.
const (
	CodeInvalid      Code = "invalid_request"       // the request cannot be read or makes no sense
	CodeUnauthorized Code = "unauthorized"          // no key, or a wrong one
	CodeForbidden    Code = "forbidden"             // the key's tier or scope does not allow it
	CodeNotFound     Code = "not_found"             // or another account's: the two look the same
	CodeConflict     Code = "conflict"              // exists already
	CodeTooLarge     Code = "too_large"             // body, image or graph over its cap
	CodeQueueFull    Code = "queue_full"            // as many waiting jobs as the tier allows
	CodeCredits      Code = "insufficient_credits"  // no credits left
	CodeSubscription Code = "subscription_inactive" // the account has no active subscription
	CodeLeaseLost    Code = "lease_lost"            // the attempt is no longer this worker's
	CodeUnavailable  Code = "unavailable"           // starting, stopping, or a dependency is away
	CodeUnsupported  Code = "not_implemented"       // a path of the contract that is not served yet
	CodeInternal     Code = "internal_error"        // ours
)

// Fault is an error a client may see. Message is a sentence for people; Details
// is anything JSON can hold, or nil.
type Fault struct {
	Code       Code
	Message    string
	Details    any
	RetryAfter time.Duration // > 0 where trying again later can help
	Err        error         // the cause, for logs only
}

// Faultf makes a Fault with a formatted message.
func Faultf(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (f *Fault) Error() string {
	if f.Err != nil {
		return f.Message + ": " + f.Err.Error()
	}
	return f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// CodeOf is the code of the first Fault in err's chain, CodeInternal for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Code
	}
	return CodeInternal
}
