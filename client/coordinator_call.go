package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/wire"
)

// slowest is how many bytes a second a body may take at least.
const slowest = 128 << 10

func (k *Coordinator) post(ctx context.Context, within time.Duration, path string, in, out any) error {
	return k.do(ctx, within, http.MethodPost, path, in, out)
}

// do makes one call, which must be answered in time.
func (k *Coordinator) do(ctx context.Context, within time.Duration, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(in); err != nil {
			return settee.Faultf(settee.CodeInvalid, "what the engine says is not JSON: %v", err)
		}
		body = text.Bytes()
	}
	within += time.Duration(len(body)) * time.Second / slowest
	ctx, done := context.WithTimeoutCause(ctx, within, fmt.Errorf("%s: no answer within %s", path, within))
	defer done()
	r, err := k.client.request(ctx, method, path, nil, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return k.answer(ctx, r, out)
}

// answer sends a request and reads its answer into out (nil: not looked at).
func (k *Coordinator) answer(ctx context.Context, r *http.Request, out any) error {
	res, err := k.client.http.Do(r)
	if err != nil {
		return withoutURL(ctx, r.Method, r.URL, err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return refusal(res)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil || out == nil || res.StatusCode == http.StatusNoContent {
		return err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s: the answer is not what the protocol promises: %w", r.URL.Path, err)
	}
	return nil
}

// denial is an answer that is not a success.
type denial struct {
	wire.Fault
	status int
}

func (r *denial) Error() string { return fmt.Sprintf("%s (HTTP %d)", r.Message, r.status) }

// refusal reads such an answer; one that is not the server's own has no code.
func refusal(res *http.Response) error {
	r := &denial{status: res.StatusCode}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	if err != nil || json.Unmarshal(text, &r.Fault) != nil || r.Message == "" {
		r.Fault = wire.Fault{Message: http.StatusText(res.StatusCode)}
	}
	return r
}

// passing reports whether the same call may be answered later.
func passing(err error) bool {
	if r, ok := errors.AsType[*denial](err); ok {
		// A proxy whose server is away answers for it, with any of these.
		return r.status >= 500 && r.Code != settee.CodeUnsupported || r.status == http.StatusTooManyRequests ||
			r.status == http.StatusRequestTimeout || r.status == http.StatusNotFound && r.Code == ""
	}
	_, ours := errors.AsType[*settee.Fault](err)
	return err != nil && !ours
}

// fault is err in the words of the house: CodeUnavailable for what may pass.
func fault(err error) error {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*denial](err); ok && !passing(err) {
		code := r.Code
		if code == "" {
			code = settee.CodeInvalid
		}
		return &settee.Fault{Code: code, Message: r.Message, Err: err}
	}
	if _, ours := errors.AsType[*settee.Fault](err); ours {
		return err
	}
	return &settee.Fault{Code: settee.CodeUnavailable, Message: "the server was not reached", Err: err}
}

// steadily makes a call until it is answered, the session is over, or ctx ends.
func (k *Coordinator) steadily(ctx context.Context, s *session, call func(context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		if !s.alive() {
			return errOver
		}
		err := call(ctx)
		switch {
		case !passing(err):
			return fault(err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		k.log.Debug("the server was not reached", "error", err)
		if err := s.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// pause waits about so long, unless the session or ctx ends first.
func (s *session) pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ctx.Done():
		return errOver
	}
}
