package client_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

func TestAdminCalls(t *testing.T) {
	const (
		account = `{"id":"i","name":"a/b","tier":"pro","disabled":false,"created_at":"2026-01-02T03:04:05Z"}`
		job     = `{"id":"i","prompt_id":"p","account":"ann","status":"failed","reason":"error","number":3,"attempt":1,"outputs_count":0,"cancel_requested":false,"created_at":"2026-01-02T03:04:05Z","error":{"node_id":"4","exception_message":"boom"}}`
	)
	replies := map[string]string{
		"POST /admin/accounts":                `POST {"name":"a/b","tier":"pro"} ` + account,
		"GET /admin/accounts/a%2Fb":           account,
		"POST /admin/accounts/a%2Fb/disable":  account,
		"GET /admin/accounts":                 `{"accounts":[` + account + `]}`,
		"GET /admin/keys?account=ann":         `{"keys":[{"id":"k","prefix":"comfyui-0123","scope":"client"}]}`,
		"POST /admin/keys":                    `{"id":"k","secret":"comfyui-s"}`,
		"DELETE /admin/keys/k":                ``,
		"GET /admin/jobs?limit=2&status=lost": `{"jobs":[` + job + `],"pagination":{"total":1}}`,
		"GET /admin/jobs/p":                   job,
		"POST /admin/jobs/p/cancel":           `{"cancelled":true}`,
	}
	c := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			call += "?" + r.URL.RawQuery
		}
		reply, ok := replies[call]
		body, _ := io.ReadAll(r.Body)
		if want := "POST " + string(body) + " "; ok && len(reply) > 5 && reply[:5] == "POST " {
			if reply[:len(want)] != want {
				t.Errorf("%s sent %s", call, body)
			}
			reply = reply[len(want):]
		}
		switch {
		case !ok:
			answer(404, fmt.Sprintf(`{"code":"not_found","message":%q}`, call))(w, r)
		case reply == "":
			w.WriteHeader(http.StatusNoContent)
		default:
			answer(200, reply)(w, r)
		}
	}})
	admin, ctx := c.Admin(), t.Context()
	check := func(got any, err error, want string) {
		t.Helper()
		if err != nil || canonical(t, got) != want {
			t.Errorf("%s, %v", canonical(t, got), err)
		}
	}
	a, err := admin.CreateAccount(ctx, "a/b", "pro")
	check(a, err, account)
	a, err = admin.Account(ctx, "a/b")
	check(a, err, account)
	a, err = admin.DisableAccount(ctx, "a/b")
	check(a, err, account)
	all, err := admin.Accounts(ctx)
	check(all, err, "["+account+"]")
	keys, err := admin.Keys(ctx, "ann")
	check(keys[0].Prefix, err, `"comfyui-0123"`)
	made, err := admin.CreateKey(ctx, "ann", "laptop")
	check(made.Secret, err, `"comfyui-s"`)
	check(nil, admin.DeleteKey(ctx, "k"), "null")
	jobs, page, err := admin.Jobs(ctx, client.AdminFilter{States: []settee.JobState{"lost"}, Limit: 2})
	check(jobs[0].Error.Message, err, `"boom"`)
	check(page.Total, nil, "1")
	one, err := admin.Job(ctx, "p")
	check(one.State, err, `"failed"`)
	cancelled, err := admin.Cancel(ctx, "p")
	check(cancelled, err, "true")
}
