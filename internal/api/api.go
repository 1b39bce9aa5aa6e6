// Package api is the HTTP kit that every surface stands on: one router, who
// asks, what a body may weigh, and faults in the surface's own envelope.
//
// What holds for every request: it has an id (answered as X-Request-Id); it is
// logged once (at debug level when it went well), by the pattern of its path and never by its query or key; a
// panic is a 500; an unknown path is a 404 and a wrong method a 405 with Allow;
// all of these answer JSON. HEAD works where GET does. In open mode a request
// whose Host or Origin is not this machine's is refused before anything else.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/settee/settee"
)

// Accounts says who a key belongs to.
type Accounts interface {
	// Authenticate finds the account of a key; Fault CodeUnauthorized. For a key
	// of scope admin the account is the zero Account.
	Authenticate(ctx context.Context, secret string) (settee.Account, settee.Key, error)
	// Default is the account that everybody is in open mode.
	Default(ctx context.Context) (settee.Account, error)
}

// Deps are what the kit needs. Only Accounts is required.
type Deps struct {
	Accounts   Accounts
	Open       bool     // no keys: everybody is the default account
	Hosts      []string // names that open mode answers to besides loopback ones
	Log        *slog.Logger
	Now        func() time.Time
	BodyTime   time.Duration // for a JSON body to arrive, or the next bytes of an upload; 0: a minute
	AnswerTime time.Duration // for the next bytes of an answer to be taken; 0: a minute
	// Served is told of each request when it is done: the pattern it was routed
	// by, its status (0: the connection was taken over) and how long it took.
	Served func(method, path string, status int, took time.Duration)
}

// Router is where the surfaces are mounted.
type Router struct {
	*chi.Mux
	deps      Deps
	envelopes []envelope
}

// New makes a router that knows no path yet.
func New(d Deps) *Router {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.BodyTime == 0 {
		d.BodyTime = time.Minute
	}
	if d.AnswerTime == 0 {
		d.AnswerTime = time.Minute
	}
	r := &Router{Mux: chi.NewRouter(), deps: d}
	r.Use(r.paced, r.observe, r.recover, semicolons)
	if d.Open {
		r.Use(r.localOnly)
	}
	r.Use(r.head)
	r.NotFound(r.unknown)
	r.MethodNotAllowed(r.wrongMethod)
	return r
}

// Open reports whether the server asks for no key.
func (r *Router) Open() bool { return r.deps.Open }

// Envelope has the faults of the requests that match written by write. The
// first match counts; the others are written as {"code","message"}.
func (r *Router) Envelope(match func(*http.Request) bool, write Envelope) {
	r.envelopes = append(r.envelopes, envelope{match, write})
}

type envelope struct {
	match func(*http.Request) bool
	write Envelope
}

// request is what the kit keeps of a request while it is served.
type request struct {
	router  *Router
	id      string
	account settee.Account
	secret  string // that let it in; "" in open mode
	token   settee.Key
	err     error // that became a 5xx
}

type contextKey struct{}

func of(ctx context.Context) *request {
	if q, ok := ctx.Value(contextKey{}).(*request); ok {
		return q
	}
	return &request{router: &Router{deps: Deps{Log: slog.Default(), BodyTime: time.Minute}}}
}

// Caller is the account that asks. It is set behind Client and Socket, and the
// zero Account elsewhere.
func Caller(ctx context.Context) settee.Account { return of(ctx).account }

// Token is the worker's key that asks. It is set behind Worker.
func Token(ctx context.Context) settee.Key { return of(ctx).token }

// RequestID names the request in logs.
func RequestID(ctx context.Context) string { return of(ctx).id }
