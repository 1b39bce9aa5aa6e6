package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
)

// accounts knows keys by heart.
type accounts map[string]struct {
	account settee.Account
	key     settee.Key
}

func (a accounts) Authenticate(_ context.Context, secret string) (settee.Account, settee.Key, error) {
	if secret == "broken" {
		return settee.Account{}, settee.Key{}, errors.New("disk on fire at /var/lib")
	}
	if known, ok := a[secret]; ok {
		return known.account, known.key, nil
	}
	return settee.Account{}, settee.Key{}, settee.Faultf(settee.CodeUnauthorized, "This key is not known.")
}

func (a accounts) Default(context.Context) (settee.Account, error) {
	return settee.Account{ID: "everybody", Tier: settee.Tier{Name: "local", API: true}}, nil
}

var known = accounts{
	"pro-key":   {settee.Account{ID: "acct-pro", Tier: settee.Tier{Name: "pro", API: true}}, settee.Key{Scope: settee.ScopeClient}},
	"free-key":  {settee.Account{ID: "acct-free", Tier: settee.Tier{Name: "free"}}, settee.Key{Scope: settee.ScopeClient}},
	"admin-key": {settee.Account{}, settee.Key{Scope: settee.ScopeAdmin}},
}

// serve builds a router with one path of each kind, and its log.
func serve(open bool) (*api.Router, *bytes.Buffer) {
	log := new(bytes.Buffer)
	clock := time.Unix(0, 0)
	r := api.New(api.Deps{Accounts: known, Open: open, Hosts: []string{"settee.lan"},
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { clock = clock.Add(time.Millisecond); return clock }})
	who := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		api.WriteJSON(w, http.StatusOK, map[string]string{"account": api.Caller(q.Context()).ID})
	})
	r.Method(http.MethodGet, "/client/{id}", r.Client(who))
	r.Method(http.MethodGet, "/socket", r.Socket(who))
	r.Method(http.MethodGet, "/admin", r.Admin(who))
	r.Method(http.MethodGet, "/optional", r.Optional(who))
	r.Post("/body", func(w http.ResponseWriter, q *http.Request) {
		body, err := api.Body(w, q, 10)
		if err != nil {
			api.Fail(w, q, err)
			return
		}
		api.WriteJSON(w, http.StatusOK, string(body))
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("secret thing") })
	r.Get("/half", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		panic("after the start")
	})
	r.Get("/param/{name}", func(w http.ResponseWriter, q *http.Request) { api.WriteJSON(w, 200, api.Param(q, "name")) })
	return r, log
}

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, target, nil)
	q.Host = "127.0.0.1:8188"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			q.Host = header[i+1]
		}
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w
}

func TestKeys(t *testing.T) {
	const (
		none    = `{"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`
		wrong   = `{"code":"unauthorized","message":"This key is not known."}`
		noAPI   = `{"code":"forbidden","message":"The tier free does not include API access."}`
		isAdmin = `{"code":"forbidden","message":"An operator's key opens /admin only; use a key of an account."}`
		noAdmin = `{"code":"forbidden","message":"This path needs an operator's key."}`
		pro     = `{"account":"acct-pro"}`
	)
	cases := []struct {
		name, target string
		header       []string
		status       int
		body         string
	}{
		{"no key", "/client/1", nil, 401, none},
		{"header", "/client/1", []string{"X-API-Key", "pro-key"}, 200, pro},
		{"bearer", "/client/1", []string{"Authorization", "Bearer pro-key"}, 200, pro},
		{"bearer in lower case", "/client/1", []string{"Authorization", "bearer  pro-key"}, 200, pro},
		{"another scheme", "/client/1", []string{"Authorization", "Basic pro-key"}, 401, none},
		{"the header before the token", "/client/1", []string{"X-API-Key", "wrong", "Authorization", "Bearer pro-key"}, 401, wrong},
		{"wrong key", "/client/1", []string{"X-API-Key", "wrong"}, 401, wrong},
		{"tier without API", "/client/1", []string{"X-API-Key", "free-key"}, 403, noAPI},
		{"operator's key", "/client/1", []string{"X-API-Key", "admin-key"}, 403, isAdmin},
		{"query token on a path", "/client/1?token=pro-key", nil, 401, none},
		{"query token on a socket", "/socket?token=pro-key", nil, 200, pro},
		{"header on a socket", "/socket?token=wrong", []string{"X-API-Key", "pro-key"}, 200, pro},
		{"wrong query token", "/socket?token=wrong", nil, 401, wrong},
		{"tier without API on a socket", "/socket?token=free-key", nil, 403, noAPI},
		{"operator's path", "/admin", []string{"X-API-Key", "admin-key"}, 200, `{"account":""}`},
		{"operator's path with a client's key", "/admin", []string{"X-API-Key", "pro-key"}, 403, noAdmin},
		{"operator's path without", "/admin", nil, 401, none},
		{"operator's path, query token", "/admin?token=admin-key", nil, 401, none},
		{"optional without", "/optional", nil, 200, `{"account":""}`},
		{"optional with", "/optional", []string{"X-API-Key", "pro-key"}, 200, pro},
		{"optional with a wrong one", "/optional", []string{"X-API-Key", "wrong"}, 401, wrong},
	}
	r, _ := serve(false)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := ask(r, "GET", c.target, c.header...)
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, c.status, c.body)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got == "Bearer") != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
}

func TestOpenNeedsNoKeyButALocalName(t *testing.T) {
	cases := []struct {
		name   string
		header []string
		status int
	}{
		{"address", nil, 200},
		{"IPv6", []string{"Host", "[::1]:8188"}, 200},
		{"another loopback address", []string{"Host", "127.8.9.1"}, 200},
		{"localhost", []string{"Host", "LocalHost:8188"}, 200},
		{"a name below localhost", []string{"Host", "settee.localhost"}, 200},
		{"an allowed name", []string{"Host", "settee.lan:8188"}, 200},
		{"any other name", []string{"Host", "evil.example:8188"}, 403},
		{"a name that starts like one", []string{"Host", "127.0.0.1.evil.example"}, 403},
		{"a public address", []string{"Host", "192.0.2.1:8188"}, 403},
		{"own origin", []string{"Origin", "http://127.0.0.1:8188"}, 200},
		{"default port", []string{"Host", "localhost", "Origin", "http://localhost:80"}, 200},
		{"another port", []string{"Origin", "http://127.0.0.1:9999"}, 403},
		{"another loopback name", []string{"Origin", "http://localhost:8188"}, 403},
		{"another site", []string{"Origin", "http://elsewhere.example"}, 403},
		{"no origin to speak of", []string{"Origin", "null"}, 403},
		{"an origin that is no URL", []string{"Origin", "::"}, 403},
		{"another scheme", []string{"Origin", "ftp://127.0.0.1:8188"}, 403},
	}
	r, _ := serve(true)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := ask(r, "GET", "/client/1", c.header...)
			if w.Code != c.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.status == 200 && w.Body.String() != `{"account":"everybody"}` {
				t.Errorf("got %s", w.Body)
			}
			if c.status == 403 && !strings.HasPrefix(w.Body.String(), `{"code":"forbidden","message":"`) {
				t.Errorf("got %s", w.Body)
			}
		})
	}
	if w := ask(r, "GET", "/admin"); w.Code != 401 {
		t.Errorf("the operator's path is open: %d", w.Code)
	}
}

func TestHostIsNotCheckedWhereKeysAre(t *testing.T) {
	r, _ := serve(false)
	w := ask(r, "GET", "/client/1", "Host", "settee.example", "Origin", "https://app.example", "X-API-Key", "pro-key")
	if w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	r, _ := serve(false)
	check := func(method, target string, status int, allow, body string) {
		t.Helper()
		w := ask(r, method, target, "X-API-Key", "pro-key")
		if w.Code != status || w.Header().Get("Allow") != allow || w.Body.String() != body {
			t.Errorf("%s %s: got %d, Allow %q, %s", method, target, w.Code, w.Header().Get("Allow"), w.Body)
		}
		if ct := w.Header().Get("Content-Type"); body != "" && ct != "application/json; charset=utf-8" {
			t.Errorf("%s %s: Content-Type %q", method, target, ct)
		}
	}
	check("GET", "/nowhere", 404, "", `{"code":"not_found","message":"There is nothing at this path."}`)
	check("POST", "/nowhere", 404, "", `{"code":"not_found","message":"There is nothing at this path."}`)
	check("GET", "/body", 405, "POST", `{"code":"method_not_allowed","message":"This path answers POST."}`)
	check("DELETE", "/client/1", 405, "GET, HEAD", `{"code":"method_not_allowed","message":"This path answers GET, HEAD."}`)
	check("BREW", "/client/1", 405, "GET, HEAD", `{"code":"method_not_allowed","message":"This path answers GET, HEAD."}`)
	check("OPTIONS", "/client/1", 200, "GET, HEAD", ``)
	check("HEAD", "/body", 405, "POST", `{"code":"method_not_allowed","message":"This path answers POST."}`)
}

func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	r, _ := serve(false)
	server := httptest.NewServer(r)
	defer server.Close()
	q, err := http.NewRequest("HEAD", server.URL+"/client/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-API-Key", "pro-key")
	answer, err := server.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || answer.ContentLength != int64(len(`{"account":"acct-pro"}`)) || len(body) != 0 {
		t.Errorf("got %d, length %d, body %q, %v", answer.StatusCode, answer.ContentLength, body, err)
	}
}

func TestErrorsOfOurs(t *testing.T) {
	r, log := serve(false)
	w := ask(r, "GET", "/panic", "X-Request-Id", "req-1")
	want := `{"code":"internal_error","message":"Something failed in the server (request req-1)."}`
	if w.Code != 500 || w.Body.String() != want {
		t.Errorf("a panic answers %d %s", w.Code, w.Body)
	}
	w = ask(r, "GET", "/client/1", "X-API-Key", "broken", "X-Request-Id", "req-1")
	if w.Code != 500 || w.Body.String() != want {
		t.Errorf("an error answers %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "disk on fire") || !strings.Contains(log.String(), "secret thing") {
		t.Errorf("the log does not tell what failed:\n%s", log)
	}
}

func TestPanicAfterTheAnswerBeganCutsItOff(t *testing.T) {
	r, _ := serve(false)
	defer func() {
		p := recover()
		if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v; half an answer would look whole", p)
		}
	}()
	ask(r, "GET", "/half")
}

func TestBodyCap(t *testing.T) {
	r, _ := serve(false)
	post := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("POST", "/body", body))
		return w
	}
	if w := post(strings.NewReader("ten bytes!")); w.Code != 200 || w.Body.String() != `"ten bytes!"` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	const large = `{"code":"too_large","message":"The body is larger than the 10 bytes allowed here."}`
	if w := post(strings.NewReader("eleven byte")); w.Code != 413 || w.Body.String() != large {
		t.Errorf("with its length told: got %d %s", w.Code, w.Body)
	}
	if w := post(io.MultiReader(strings.NewReader("eleven byte"))); w.Code != 413 || w.Body.String() != large {
		t.Errorf("without: got %d %s", w.Code, w.Body)
	}
	if w := post(io.MultiReader(strings.NewReader("x"), broken{})); w.Code != 400 {
		t.Errorf("broken off: got %d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	r := api.New(api.Deps{Accounts: known, Log: slog.New(slog.DiscardHandler), BodyTime: 20 * time.Millisecond})
	r.Post("/body", func(w http.ResponseWriter, q *http.Request) {
		if _, err := api.Body(w, q, 10); err != nil {
			api.Fail(w, q, err)
		}
	})
	server := httptest.NewServer(r)
	defer server.Close()
	body, never := io.Pipe()
	defer never.Close()
	answer, err := server.Client().Post(server.URL+"/body", "", body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 400 || string(text) != `{"code":"invalid_request","message":"The request's body broke off."}` {
		t.Errorf("got %d %s, %v", answer.StatusCode, text, err)
	}
}

func TestAnAnswerGivenUpIsNoFaultOfOurs(t *testing.T) {
	r, log := serve(false)
	r.Get("/slow", func(w http.ResponseWriter, q *http.Request) { api.Fail(w, q, q.Context().Err()) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/slow", nil).WithContext(ctx))
	if !strings.Contains(log.String(), `"level":"INFO"`) || strings.Contains(log.String(), `"level":"ERROR"`) {
		t.Errorf("logged %s", log)
	}
}

func TestTheLogHoldsPatternsOnly(t *testing.T) {
	r, log := serve(false)
	ask(r, "GET", "/client/private-id?filename=holiday.png", "X-API-Key", "pro-key", "X-Request-Id", "req-7")
	ask(r, "GET", "/socket?token=pro-key&clientId=tab-xyz")
	ask(r, "GET", "/nowhere/private-id?token=pro-key")
	for _, secret := range []string{"private-id", "holiday", "pro-key", "tab-xyz"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	var lines []map[string]any
	for d := json.NewDecoder(log); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if len(lines) != 3 {
		t.Fatalf("%d lines for three requests", len(lines))
	}
	first := lines[0]
	for key, want := range map[string]any{"level": "DEBUG", "method": "GET", "path": "/client/{id}", "status": 200.0, "request": "req-7", "account": "acct-pro", "bytes": 22.0} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if lines[2]["path"] != "unknown" || lines[2]["level"] != "INFO" {
		t.Errorf("an unknown path is logged as %v", lines[2])
	}
}

func TestRequestIDs(t *testing.T) {
	r, _ := serve(false)
	if got := ask(r, "GET", "/nowhere", "X-Request-Id", "abc-1.2_Z").Header().Get("X-Request-Id"); got != "abc-1.2_Z" {
		t.Errorf("the client's id became %q", got)
	}
	for _, bad := range []string{"", "with space", "line\nbreak", strings.Repeat("a", 65)} {
		got := ask(r, "GET", "/nowhere", "X-Request-Id", bad).Header().Get("X-Request-Id")
		if got == bad || len(got) != 36 {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

func TestStatuses(t *testing.T) {
	want := map[settee.Code]int{
		settee.CodeInvalid: 400, settee.CodeUnauthorized: 401, settee.CodeCredits: 402, settee.CodeForbidden: 403,
		settee.CodeNotFound: 404, settee.CodeConflict: 409, settee.CodeLeaseLost: 409, settee.CodeTooLarge: 413,
		settee.CodeQueueFull: 429, settee.CodeSubscription: 429, settee.CodeInternal: 500, settee.CodeUnsupported: 501,
		settee.CodeUnavailable: 503, settee.Code("new"): 500,
	}
	for code, status := range want {
		if got := api.Status(code); got != status {
			t.Errorf("%s is %d, want %d", code, got, status)
		}
	}
}

func TestRetryAfterAndEnvelopes(t *testing.T) {
	r, _ := serve(false)
	r.Envelope(func(q *http.Request) bool { return q.URL.Path == "/special" }, func(f *settee.Fault) any {
		return map[string]any{"special": f.Code}
	})
	fault := &settee.Fault{Code: settee.CodeQueueFull, Message: "full", RetryAfter: 1200 * time.Millisecond}
	fail := func(w http.ResponseWriter, q *http.Request) {
		api.Fail(w, q, errors.Join(errors.New("while submitting"), fault))
	}
	r.Get("/special", fail)
	r.Get("/plain", fail)
	if w := ask(r, "GET", "/special"); w.Code != 429 || w.Header().Get("Retry-After") != "2" || w.Body.String() != `{"special":"queue_full"}` {
		t.Errorf("got %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if w := ask(r, "GET", "/plain"); w.Body.String() != `{"code":"queue_full","message":"full"}` {
		t.Errorf("got %s", w.Body)
	}
	if w := ask(r, "POST", "/special"); w.Code != 405 || w.Body.String() != `{"special":"method_not_allowed"}` {
		t.Errorf("a fault of the router has another envelope: %d %s", w.Code, w.Body)
	}
}

func TestParam(t *testing.T) {
	r, _ := serve(false)
	for target, want := range map[string]string{"/param/plain": `"plain"`, "/param/100%25": `"100%"`, "/param/a%2Fb%20c": `"a/b c"`} {
		if w := ask(r, "GET", target); w.Body.String() != want {
			t.Errorf("%s: got %s", target, w.Body)
		}
	}
}
