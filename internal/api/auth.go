package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/settee/settee"
)

// Client lets through who has a client key of an account whose tier may use the
// API, in X-API-Key or as a bearer token; in open mode everybody. Behind it
// Caller is that account.
func (r *Router) Client(next http.Handler) http.Handler {
	return r.guard(next, func(q *http.Request) string { return Key(q.Header) })
}

// Socket is Client for WebSockets: browsers cannot set headers on those, so the
// key may also be the query's token.
func (r *Router) Socket(next http.Handler) http.Handler {
	return r.guard(next, func(q *http.Request) string {
		if key := Key(q.Header); key != "" {
			return key
		}
		return q.URL.Query().Get("token")
	})
}

// Optional is Client for those who show a key, and lets the others through as
// nobody.
func (r *Router) Optional(next http.Handler) http.Handler {
	known := r.Client(next)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.deps.Open || Key(q.Header) != "" {
			known.ServeHTTP(w, q)
			return
		}
		next.ServeHTTP(w, q)
	})
}

// Admin lets through who has a key of scope admin, in open mode too.
func (r *Router) Admin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, key, err := r.authenticate(q.Context(), Key(q.Header))
		if err == nil && key.Scope != settee.ScopeAdmin {
			err = settee.Faultf(settee.CodeForbidden, "This path needs an operator's key.")
		}
		if err != nil {
			Fail(w, q, err)
			return
		}
		next.ServeHTTP(w, q)
	})
}

// Worker lets through who has a key of scope worker, in open mode too. Behind it
// Token is that key.
func (r *Router) Worker(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, key, err := r.authenticate(q.Context(), Key(q.Header))
		if err == nil && key.Scope != settee.ScopeWorker {
			err = settee.Faultf(settee.CodeForbidden, "This path needs a worker's token.")
		}
		if err != nil {
			Fail(w, q, err)
			return
		}
		of(q.Context()).token = key
		next.ServeHTTP(w, q)
	})
}

func (r *Router) guard(next http.Handler, key func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		secret := key(q)
		account, err := r.client(q.Context(), secret)
		if err != nil {
			Fail(w, q, err)
			return
		}
		of(q.Context()).account, of(q.Context()).secret = account, secret
		next.ServeHTTP(w, q)
	})
}

// Welcome makes a check for what outlives its request: it answers a Fault of
// CodeUnauthorized or CodeForbidden once the request's caller would not be let
// in any more. It is for handlers behind Client and Socket.
func Welcome(ctx context.Context) func(context.Context) error {
	router, secret := of(ctx).router, of(ctx).secret
	return func(ctx context.Context) error {
		_, err := router.client(ctx, secret)
		return err
	}
}

func (r *Router) client(ctx context.Context, secret string) (settee.Account, error) {
	if r.deps.Open {
		return r.deps.Accounts.Default(ctx)
	}
	account, k, err := r.authenticate(ctx, secret)
	switch {
	case err != nil:
		return account, err
	case k.Scope == settee.ScopeWorker:
		return account, settee.Faultf(settee.CodeForbidden, "A worker's token opens /worker only; use a key of an account.")
	case k.Scope != settee.ScopeClient:
		return account, settee.Faultf(settee.CodeForbidden, "An operator's key opens /admin only; use a key of an account.")
	case !account.Tier.API:
		return account, settee.Faultf(settee.CodeForbidden, "The tier %s does not include API access.", account.Tier.Name)
	}
	return account, nil
}

func (r *Router) authenticate(ctx context.Context, secret string) (settee.Account, settee.Key, error) {
	if secret == "" {
		return settee.Account{}, settee.Key{}, settee.Faultf(settee.CodeUnauthorized, "An API key is needed, in the header X-API-Key.")
	}
	return r.deps.Accounts.Authenticate(ctx, secret)
}

// Key is the key that a request's headers carry, "" when there is none.
func Key(h http.Header) string {
	if key := strings.TrimSpace(h.Get("X-API-Key")); key != "" {
		return key
	}
	scheme, key, _ := strings.Cut(strings.TrimSpace(h.Get("Authorization")), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	return ""
}
