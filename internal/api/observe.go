package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/settee/settee"
)

// observe gives the request its id, and counts and logs it when it is done.
func (r *Router) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		q := &request{router: r, id: in.Header.Get("X-Request-Id")}
		if !plainID(q.id) {
			q.id = settee.NewID()
		}
		w.Header().Set("X-Request-Id", q.id)
		began := r.deps.Now()
		seen := middleware.NewWrapResponseWriter(w, in.ProtoMajor)
		in = in.WithContext(context.WithValue(in.Context(), contextKey{}, q))
		defer func() {
			path, took := pattern(in), r.deps.Now().Sub(began)
			if r.deps.Served != nil {
				r.deps.Served(in.Method, path, seen.Status(), took)
			}
			level := levelOf(seen.Status(), q.err)
			if !r.deps.Log.Enabled(in.Context(), level) {
				return
			}
			attrs := make([]slog.Attr, 0, 8)
			attrs = append(attrs, slog.String("method", in.Method), slog.String("path", path),
				slog.Int("status", seen.Status()), slog.Int("bytes", seen.BytesWritten()),
				slog.Duration("took", took), slog.String("request", q.id))
			if q.account.ID != "" {
				attrs = append(attrs, slog.String("account", q.account.ID))
			}
			if q.err != nil {
				attrs = append(attrs, slog.String("error", q.err.Error()))
			}
			r.deps.Log.LogAttrs(in.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(seen, in)
	})
}

// levelOf is how loud a request is in the log: what failed in the house, what
// was refused, and what everybody does all day.
func levelOf(status int, err error) slog.Level {
	switch {
	case err != nil && status == http.StatusServiceUnavailable: // it says so itself, as before a worker is there
		return slog.LevelWarn
	case err != nil:
		return slog.LevelError
	case status >= http.StatusBadRequest:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// pattern is the path as it was mounted, so that no id and no name of a
// client's gets into the log.
func pattern(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" {
			return p
		}
	}
	return "unknown"
}

// plainID reports whether a client's request id may stand in logs.
func plainID(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// recover makes a 500 of a panic, where nothing was answered yet.
func (r *Router) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			err, ok := p.(error)
			if ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			err = fmt.Errorf("panic: %v", p)
			r.deps.Log.Error("a handler panicked", "request", RequestID(in.Context()), "panic", p, "stack", string(debug.Stack()))
			if seen, ok := w.(middleware.WrapResponseWriter); ok && seen.Status() != 0 {
				of(in.Context()).err = err
				panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
			}
			Fail(w, in, err)
		}()
		next.ServeHTTP(w, in)
	})
}
