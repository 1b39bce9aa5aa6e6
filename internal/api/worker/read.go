package worker

import (
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
)

// read reads a JSON body of at most max bytes into v.
func read(w http.ResponseWriter, r *http.Request, max int64, v any) error {
	body, err := api.Body(w, r, max)
	if err != nil {
		return err
	}
	if !utf8.Valid(body) {
		return settee.Faultf(settee.CodeInvalid, "The body is not UTF-8.")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &settee.Fault{Code: settee.CodeInvalid, Message: "The body must be a JSON object with the fields of this call.", Err: err}
	}
	return nil
}

// attempt is the one that the path names, of the request's session.
func (a *API) attempt(r *http.Request) (queue.Attempt, error) {
	s, err := a.session(r)
	if err != nil {
		return queue.Attempt{}, err
	}
	n, err := strconv.Atoi(api.Param(r, "n"))
	if err != nil || n < 1 {
		return queue.Attempt{}, settee.Faultf(settee.CodeInvalid, "An attempt's number is a number from 1.")
	}
	return queue.Attempt{JobID: api.Param(r, "job"), N: n, SessionID: s.ID}, nil
}
