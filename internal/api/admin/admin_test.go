package admin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/account"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/admin"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// house is the surface over real services.
type house struct {
	t        *testing.T
	now      time.Time
	accounts *account.Service
	queue    *queue.Service
	handler  http.Handler
	key      string // an operator's
}

func newHouse(t *testing.T, open bool) *house {
	t.Helper()
	return houseOn(t, storetest.SQLite(t), open)
}

func houseOn(t *testing.T, db *store.DB, open bool) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	now := func() time.Time { return h.now }
	hints := bus.NewLocal()
	t.Cleanup(func() { hints.Close() })
	h.accounts = account.New(db, account.Options{Now: now})
	h.queue = queue.New(db, hints, queue.Options{Now: now, Poll: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err := h.accounts.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.accounts.FirstKey(t.Context(), "the-first-key-of-default"); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.key, _, err = h.accounts.CreateAdminKey(t.Context(), "ops"); err != nil {
		t.Fatal(err)
	}
	r := api.New(api.Deps{Accounts: h.accounts, Open: open, Log: slog.New(slog.DiscardHandler), Now: now})
	(&admin.API{Accounts: h.accounts, Jobs: h.queue, Workers: h.queue}).Mount(r)
	h.handler = r
	return h
}

// send answers status and body.
func (h *house) send(key, method, target, body string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8188"
	if key != "" {
		r.Header.Set("X-API-Key", key)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if ct := w.Header().Get("Content-Type"); w.Body.Len() > 0 && ct != "application/json; charset=utf-8" {
		h.t.Errorf("%s %s: Content-Type %q", method, target, ct)
	}
	return w.Code, w.Body.String()
}

// want sends as an operator and compares; ids in the answer read ID, secrets
// SECRET and PREFIX.
func (h *house) want(status int, body, method, target, sent string) {
	h.t.Helper()
	got, text := h.send(h.key, method, target, sent)
	text = ids.ReplaceAllString(text, `"ID"`)
	text = secrets.ReplaceAllString(text, `"SECRET"`)
	text = prefixes.ReplaceAllString(text, `"PREFIX"`)
	if got != status || text != body {
		h.t.Errorf("%s %s %s\ngot  %d %s\nwant %d %s", method, target, sent, got, text, status, body)
	}
}

var (
	ids      = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}"`)
	secrets  = regexp.MustCompile(`"comfyui-[0-9a-f]{64}"`)
	prefixes = regexp.MustCompile(`"comfyui-[0-9a-f]{8}"`)
)

const created = `"created_at":"2026-01-02T03:04:05.6Z"`

func TestAccounts(t *testing.T) {
	h := newHouse(t, false)
	h.want(201, `{"id":"ID","name":"ann","tier":"pro","disabled":false,`+created+`}`, "POST", "/admin/accounts", `{"name":"ann","tier":"pro"}`)
	h.want(201, `{"id":"ID","name":"b@x","tier":"creator","disabled":false,`+created+`}`, "POST", "/admin/accounts", `{"name":"b@x"}`)
	h.want(200, `{"accounts":[{"id":"ID","name":"ann","tier":"pro","disabled":false,`+created+`},{"id":"ID","name":"b@x","tier":"creator","disabled":false,`+
		created+`},{"id":"ID","name":"default","tier":"local","disabled":false,`+created+`}]}`, "GET", "/admin/accounts", "")
	h.want(200, `{"id":"ID","name":"b@x","tier":"creator","disabled":false,`+created+`}`, "GET", "/admin/accounts/b%40x", "")
	for range 2 {
		h.want(200, `{"id":"ID","name":"ann","tier":"pro","disabled":true,`+created+`}`, "POST", "/admin/accounts/ann/disable", "{}")
	}
	h.want(409, `{"code":"conflict","message":"There is an account \"ann\" already."}`, "POST", "/admin/accounts", `{"name":"ann"}`)
	h.want(400, `{"code":"invalid_request","message":"There is no tier \"gold\"."}`, "POST", "/admin/accounts", `{"name":"eve","tier":"gold"}`)
	h.want(400, `{"code":"invalid_request","message":"An account's name has 1 to 64 characters."}`, "POST", "/admin/accounts", `{}`)
	for _, body := range []string{"", "[]", "{", `{"name":7}`} {
		h.want(400, `{"code":"invalid_request","message":"The body must be a JSON object with the fields of this call."}`, "POST", "/admin/accounts", body)
	}
	h.want(413, `{"code":"too_large","message":"The body is larger than the 65536 bytes allowed here."}`, "POST", "/admin/accounts", `"`+strings.Repeat("x", 70_000)+`"`)
	h.want(404, `{"code":"not_found","message":"There is no account \"nobody\"."}`, "GET", "/admin/accounts/nobody", "")
	h.want(404, `{"code":"not_found","message":"There is no account \"nobody\"."}`, "POST", "/admin/accounts/nobody/disable", "")
	h.want(405, `{"code":"method_not_allowed","message":"This path answers GET, HEAD, POST."}`, "DELETE", "/admin/accounts", "")
}

func TestKeys(t *testing.T) {
	h := newHouse(t, false)
	h.want(201, `{"id":"ID","name":"ann","tier":"pro","disabled":false,`+created+`}`, "POST", "/admin/accounts", `{"name":"ann","tier":"pro"}`)
	h.now = h.now.Add(time.Second)
	const later = `"created_at":"2026-01-02T03:04:06.6Z"`
	_, text := h.send(h.key, "POST", "/admin/keys", `{"account":"ann","name":"laptop"}`)
	var made struct{ ID, Secret, Prefix string }
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	if a, _, err := h.accounts.Authenticate(t.Context(), made.Secret); err != nil || a.Name != "ann" || !strings.HasPrefix(made.Secret, made.Prefix) {
		t.Errorf("%s: %+v, %v", text, a, err)
	}
	h.now = h.now.Add(time.Second)
	h.want(201, `{"id":"ID","account":"ann","name":"","prefix":"PREFIX","scope":"client","created_at":"2026-01-02T03:04:07.6Z","secret":"SECRET"}`,
		"POST", "/admin/keys", `{"account":"ann"}`)
	anns := `{"id":"ID","account":"ann","name":"laptop","prefix":"PREFIX","scope":"client",` + later + `},` +
		`{"id":"ID","account":"ann","name":"","prefix":"PREFIX","scope":"client","created_at":"2026-01-02T03:04:07.6Z"}`
	h.want(200, `{"keys":[`+anns+`]}`, "GET", "/admin/keys?account=ann", "")
	h.want(200, `{"keys":[{"id":"ID","account":"default","name":"first","prefix":"the-first-ke","scope":"client",`+created+`},`+
		`{"id":"ID","account":"","name":"ops","prefix":"PREFIX","scope":"admin",`+created+`},`+anns+`]}`, "GET", "/admin/keys", "")
	h.want(204, "", "DELETE", "/admin/keys/"+made.Prefix, "")
	h.want(404, `{"code":"not_found","message":"There is no such key."}`, "DELETE", "/admin/keys/"+made.ID, "")
	if _, _, err := h.accounts.Authenticate(t.Context(), made.Secret); settee.CodeOf(err) != settee.CodeUnauthorized {
		t.Errorf("a deleted key: %v", err)
	}
	h.want(201, `{"id":"ID","account":"","name":"second","prefix":"PREFIX","scope":"admin","created_at":"2026-01-02T03:04:07.6Z","secret":"SECRET"}`,
		"POST", "/admin/keys", `{"scope":"admin","name":"second"}`)

	h.want(400, `{"code":"invalid_request","message":"The field account says whose key it will be."}`, "POST", "/admin/keys", `{"name":"x"}`)
	h.want(400, `{"code":"invalid_request","message":"The scope must be client, or admin or worker without an account."}`, "POST", "/admin/keys", `{"scope":"admin","account":"ann"}`)
	h.want(400, `{"code":"invalid_request","message":"The scope must be client, or admin or worker without an account."}`, "POST", "/admin/keys", `{"scope":"root"}`)
	h.want(404, `{"code":"not_found","message":"There is no account \"nobody\"."}`, "POST", "/admin/keys", `{"account":"nobody"}`)
	h.want(404, `{"code":"not_found","message":"There is no account \"nobody\"."}`, "GET", "/admin/keys?account=nobody", "")
}

func TestOnlyOperators(t *testing.T) {
	for _, open := range []bool{false, true} {
		h := newHouse(t, open)
		for _, c := range []struct{ method, path string }{
			{"GET", "/admin/accounts"}, {"POST", "/admin/accounts"}, {"GET", "/admin/accounts/default"}, {"POST", "/admin/accounts/default/disable"},
			{"GET", "/admin/keys"}, {"POST", "/admin/keys"}, {"DELETE", "/admin/keys/x"},
			{"GET", "/admin/jobs"}, {"GET", "/admin/jobs/x"}, {"POST", "/admin/jobs/x/cancel"},
		} {
			for key, want := range map[string]string{
				"":                         `401 {"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`,
				"wrong":                    `401 {"code":"unauthorized","message":"The API key is not valid."}`,
				"the-first-key-of-default": `403 {"code":"forbidden","message":"This path needs an operator's key."}`,
			} {
				status, body := h.send(key, c.method, c.path, `{"name":"eve"}`)
				if got := fmt.Sprint(status, " ", body); got != want {
					t.Errorf("open %v, %s %s with %q: %s", open, c.method, c.path, key, got)
				}
			}
		}
	}
}

// The public client understands these answers.
func TestTheClient(t *testing.T) {
	h := newHouse(t, false)
	server := httptest.NewServer(h.handler)
	defer server.Close()
	c, err := client.New(server.URL, h.key)
	if err != nil {
		t.Fatal(err)
	}
	ops := c.Admin()
	ann, err := ops.CreateAccount(t.Context(), "ann", "")
	if err != nil || ann.Name != "ann" || !ann.CreatedAt.Equal(h.now) {
		t.Fatalf("%+v, %v", ann, err)
	}
	key, err := ops.CreateKey(t.Context(), "ann", "x")
	if err != nil || key.Account != "ann" || key.Secret == "" {
		t.Errorf("%+v, %v", key, err)
	}
	if keys, err := ops.Keys(t.Context(), ""); err != nil || len(keys) != 3 {
		t.Errorf("%+v, %v", keys, err)
	}
	if err := ops.DeleteKey(t.Context(), key.Prefix); err != nil {
		t.Error(err)
	}
	if a, err := ops.DisableAccount(t.Context(), "ann"); err != nil || !a.Disabled {
		t.Errorf("%+v, %v", a, err)
	}
	h.submit(ann.ID, "p", nil)
	jobs, page, err := ops.Jobs(t.Context(), client.AdminFilter{Account: "ann", States: []settee.JobState{settee.Pending}})
	if err != nil || len(jobs) != 1 || jobs[0].PromptID != "p" || jobs[0].Account != "ann" || page.Total != 1 {
		t.Errorf("%+v, %+v, %v", jobs, page, err)
	}
	if done, err := ops.Cancel(t.Context(), "p"); err != nil || !done {
		t.Errorf("%v, %v", done, err)
	}
	if j, err := ops.Job(t.Context(), jobs[0].ID); err != nil || j.State != settee.Cancelled {
		t.Errorf("%+v, %v", j, err)
	}
}
