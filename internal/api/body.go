package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/settee/settee"
)

// MaxJSON is how large a JSON body may be, in bytes.
const MaxJSON = 32 << 20

// Body reads a request's body of at most max bytes, whatever its Content-Type;
// Fault CodeInvalid when it breaks off or takes too long. An *http.MaxBytesError
// is for Fail, which makes a CodeTooLarge of it.
func Body(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if r.ContentLength > max {
		return nil, &http.MaxBytesError{Limit: max}
	}
	if b, ok := r.Body.(*pacedBody); ok {
		b.whole = true
	}
	conn := http.NewResponseController(w)
	timed := conn.SetReadDeadline(time.Now().Add(of(r.Context()).router.deps.BodyTime)) == nil // tests have no connection
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, err
		}
		return nil, &settee.Fault{Code: settee.CodeInvalid, Message: "The request's body broke off.", Err: err}
	}
	if timed {
		err = conn.SetReadDeadline(time.Time{}) // or the answer would be cut off later
	}
	return body, err
}

// Param is a path parameter with its escapes resolved; "" when there is none.
func Param(r *http.Request, name string) string {
	text := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return text // matched on the path, which is resolved already
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
