package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxAnswer is how many bytes of JSON are read: definitions of thousands of
// nodes are some tens of megabytes.
const maxAnswer = 256 << 20

// link is the URL of a path, given as escaped segments, below the base.
func (c *Client) link(path string, query url.Values) *url.URL {
	u := *c.base
	joined := u.JoinPath(path)
	joined.RawQuery = query.Encode()
	return joined
}

// request makes a request to the server.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.link(path, query).String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", c.userAgent)
	return r, nil
}

// call sends a body of JSON (nil: none) and reads an answer of JSON into out
// (nil: not looked at).
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := c.request(ctx, method, path, query, reader)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := c.send(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case len(answer) > maxAnswer:
		return fmt.Errorf("%s %s: the answer is larger than %d bytes", method, path, maxAnswer)
	case out == nil:
		return nil
	}
	if !json.Valid(answer) {
		answer = strict(answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what the API promises: %w", method, path, err)
	}
	return nil
}

// send does a request; an answer other than 2xx is an *Error. The caller closes
// the body.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return nil, withoutURL(r.Context(), r.Method, r.URL, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close()
		return nil, fail(res)
	}
	return res, nil
}

// withoutURL takes the URL out of a transport's error, whose query may hold what
// nobody should read, and says where it happened without the query.
func withoutURL(ctx context.Context, method string, u *url.URL, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	where := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return fmt.Errorf("%s %s: %w", method, where.String(), err)
}
