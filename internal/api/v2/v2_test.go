package v2_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/v2"
)

// accounts knows one key.
type accounts struct{}

func (accounts) Authenticate(_ context.Context, secret string) (settee.Account, settee.Key, error) {
	if secret != "good" {
		return settee.Account{}, settee.Key{}, settee.Faultf(settee.CodeUnauthorized, "The API key is not valid.")
	}
	return settee.Account{ID: "a", Tier: settee.Tier{API: true}}, settee.Key{Scope: settee.ScopeClient}, nil
}

func (accounts) Default(context.Context) (settee.Account, error) { return settee.Account{ID: "a"}, nil }

func TestEnvelope(t *testing.T) {
	router := api.New(api.Deps{Accounts: accounts{}})
	(&v2.API{}).Mount(router)
	for _, c := range []struct {
		method, path, key string
		status            int
		body              string
	}{
		{"POST", "/api/v2/jobs", "good", 501, `{"error":{"code":"not_implemented","message":"This server does not serve that yet.","details":{}}}`},
		{"GET", "/api/v2/jobs/1/events", "good", 501, `{"error":{"code":"not_implemented","message":"This server does not serve that yet.","details":{}}}`},
		{"HEAD", "/api/v2/assets/by-hash/blake3:00", "good", 501, ""},
		{"POST", "/api/v2/jobs", "bad", 401, `{"error":{"code":"unauthorized","message":"The API key is not valid.","details":{}}}`},
		{"GET", "/api/v2/nothing", "good", 404, `{"error":{"code":"not_found","message":"There is nothing at this path.","details":{}}}`},
		{"PUT", "/api/v2/jobs", "good", 405, `{"error":{"code":"method_not_allowed","message":"This path answers POST.","details":{}}}`},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Authorization", "Bearer "+c.key)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || c.method != http.MethodHead && got != c.body {
			t.Errorf("%s %s: %d %s\nwant %d %s", c.method, c.path, w.Code, got, c.status, c.body)
		}
	}
}
