package admin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

func TestWorkers(t *testing.T) {
	h := newHouse(t, false)
	s, err := h.queue.Open(t.Context(), "box", "gpu", settee.Description{Engine: "comfyui", Version: "0.3", Depth: 2,
		Definitions: json.RawMessage(`{}`), Devices: json.RawMessage(`[{"name":"cuda:0"}]`)})
	if err != nil {
		t.Fatal(err)
	}
	shown := `{"id":"ID","name":"box","pool":"gpu","engine":"comfyui","version":"0.3","devices":[{"name":"cuda:0"}],` +
		`"remote":false,"drained":false,"status":"ready","sessions":1,"running":0,"created_at":"2026-01-02T03:04:05.6Z","seen_at":"2026-01-02T03:04:05.6Z"}`
	drained := strings.Replace(shown, `"drained":false,"status":"ready"`, `"drained":true,"status":"drained"`, 1)
	const none = `{"code":"not_found","message":"There is no worker \"bux\"."}`
	h.want(200, `{"workers":[`+shown+`]}`, "GET", "/admin/workers", "")
	h.want(200, drained, "POST", "/admin/workers/box/drain", "")
	h.want(200, `{"workers":[`+drained+`]}`, "GET", "/admin/workers", "")
	h.want(200, shown, "POST", "/admin/workers/box/resume", "")
	h.want(404, none, "POST", "/admin/workers/bux/drain", "")
	h.want(404, none, "DELETE", "/admin/workers/bux", "")
	h.want(204, "", "DELETE", "/admin/workers/box", "")
	h.want(200, `{"workers":[]}`, "GET", "/admin/workers", "")
	if _, err := h.queue.Renew(t.Context(), s); settee.CodeOf(err) != settee.CodeLeaseLost {
		t.Errorf("a removed worker's session is renewed: %v", err)
	}
}

// A token is a key of its own scope: it is shown once, may be bound to a pool,
// and opens neither /api nor /admin.
func TestWorkerTokens(t *testing.T) {
	h := newHouse(t, false)
	for _, c := range []struct{ body, want string }{
		{`{"scope":"worker","account":"default"}`, "The scope must be client, or admin or worker without an account."},
		{`{"scope":"worker","pool":"a+b"}`, "A pool's name is made of letters, digits and . _ - and begins with a letter or digit."},
		{`{"scope":"admin","pool":"gpu"}`, "Only a worker's token has a pool."},
		{`{"account":"default","pool":"gpu"}`, "Only a worker's token has a pool."},
	} {
		h.want(400, `{"code":"invalid_request","message":"`+c.want+`"}`, "POST", "/admin/keys", c.body)
	}
	status, body := h.send(h.key, "POST", "/admin/keys", `{"scope":"worker","name":"boxes","pool":"gpu"}`)
	var made client.Key
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || made.Scope != settee.ScopeWorker || made.Pool != "gpu" || made.Secret == "" {
		t.Fatalf("made %d %s", status, body)
	}
	if status, body := h.send(made.Secret, "GET", "/admin/workers", ""); status != 403 {
		t.Errorf("a token opens /admin: %d %s", status, body)
	}
	status, body = h.send(h.key, "GET", "/admin/keys", "")
	if status != 200 || strings.Contains(body, made.Secret) || !strings.Contains(body, `"scope":"worker","pool":"gpu"`) {
		t.Errorf("listed %d %s", status, body)
	}
	h.want(204, "", "DELETE", "/admin/keys/"+made.ID, "")
	if _, _, err := h.accounts.Authenticate(t.Context(), made.Secret); settee.CodeOf(err) != settee.CodeUnauthorized {
		t.Errorf("a deleted token is good: %v", err)
	}
}
