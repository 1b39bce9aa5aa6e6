package cli_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/cli"
)

// operated is a server with operators' calls, found by the data folder.
func operated(s *shell, routes map[string]http.HandlerFunc) {
	guarded := map[string]http.HandlerFunc{}
	for pattern, handler := range routes {
		guarded[pattern] = func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-API-Key") != "comfyui-admin" {
				answer(403, `{"code":"forbidden","message":"an admin key is needed"}`)(w, r)
				return
			}
			handler(w, r)
		}
	}
	s.write("settee-data/server.json", fmt.Sprintf(`{"url":%q,"key":"comfyui-admin"}`, fake(s.t, guarded)))
}

func at(t time.Time) string { return t.Local().Format(time.DateTime) }

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAccounts(t *testing.T) {
	const ann = `{"id":"i","name":"ann","tier":"pro","disabled":false,"created_at":"2026-01-02T03:04:05Z"}`
	s := newShell(t)
	var body string
	operated(s, map[string]http.HandlerFunc{
		"POST /admin/accounts": func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			body = string(raw)
			answer(201, ann)(w, r)
		},
		"GET /admin/accounts":              answer(200, `{"accounts":[`+ann+`,`+strings.NewReplacer("ann", "bob", "false", "true").Replace(ann)+`]}`),
		"GET /admin/accounts/ann":          answer(200, ann),
		"GET /admin/accounts/eve":          answer(404, `{"code":"not_found","message":"There is no account eve."}`),
		"POST /admin/accounts/ann/disable": answer(200, strings.Replace(ann, "false", "true", 1)),
	})
	s.want(s.run("account", "create", "ann", "--tier", "pro"), 0, "account ann: tier pro. `settee key create ann` makes a key for it.\n")
	if body != `{"name":"ann","tier":"pro"}` {
		t.Errorf("sent %s", body)
	}
	s.want(s.run("account", "list"), 0,
		"NAME  TIER  STATUS    CREATED\nann   pro   active    "+at(created)+"\nbob   pro   disabled  "+at(created)+"\n")
	s.want(s.run("account", "show", "ann"), 0, "name     ann\ntier     pro\nstatus   active\ncreated  "+at(created)+"\nid       i\n")
	s.want(s.run("account", "show", "ann", "--json"), 0,
		"{\n  \"id\": \"i\",\n  \"name\": \"ann\",\n  \"tier\": \"pro\",\n  \"disabled\": false,\n  \"created_at\": \"2026-01-02T03:04:05Z\"\n}\n")
	s.want(s.run("account", "show", "eve"), 1, "", "settee: There is no account eve.\n")
	s.want(s.run("account", "disable", "ann"), 0, "account ann: disabled\n")
	s.want(s.run("account", "list", "--key", "comfyui-other"), 1, "", "an admin key is needed (HTTP 403)\n")
	t.Setenv("SETTEE_KEY", "comfyui-other")
	s.want(s.run("account", "list"), 1, "", "an admin key is needed (HTTP 403). The key is that of SETTEE_KEY.\n")
}

// What a value's refusal says: what may stand there, and 2.
func TestAccountOfNoTier(t *testing.T) {
	s := newShell(t)
	operated(s, map[string]http.HandlerFunc{"POST /admin/accounts": func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if strings.Contains(string(raw), "zzz") {
			answer(400, `{"code":"invalid_request","message":"There is no tier \"zzz\"."}`)(w, r)
			return
		}
		answer(400, `{"code":"invalid_request","message":"That is no name."}`)(w, r)
	}})
	s.want(s.run("account", "create", "ann", "--tier", "zzz"), 2, "", "settee: There is no tier \"zzz\". The tiers are free, standard, creator, pro, local.\n")
	s.want(s.run("account", "create", "  "), 2, "", "settee: That is no name.\n")
}

func TestKeys(t *testing.T) {
	s := newShell(t)
	var deleted string
	operated(s, map[string]http.HandlerFunc{
		"POST /admin/keys":        answer(201, `{"id":"k","account":"ann","name":"laptop","prefix":"comfyui-01234567","scope":"client","created_at":"2026-01-02T03:04:05Z","secret":"comfyui-0123456789"}`),
		"GET /admin/keys":         answer(200, `{"keys":[{"id":"k","account":"","name":"","prefix":"comfyui-01234567","scope":"admin","created_at":"2026-01-02T03:04:05Z"}]}`),
		"DELETE /admin/keys/{id}": func(w http.ResponseWriter, r *http.Request) { deleted = r.PathValue("id"); w.WriteHeader(204) },
	})
	s.want(s.run("key", "create", "ann", "--name", "laptop"), 0, "comfyui-0123456789\n", "key k of account ann")
	s.want(s.run("key", "list"), 0, "KEY                ACCOUNT  NAME  SCOPE  CREATED              ID\ncomfyui-01234567…  -        -     admin  "+at(created)+"  k\n")
	s.want(s.run("key", "delete", "comfyui-01234567…"), 0, "key comfyui-01234567: deleted\n")
	if deleted != "comfyui-01234567" {
		t.Errorf("deleted %q", deleted)
	}
}

func TestJobsOfAllAccounts(t *testing.T) {
	const job = `{"id":"i","prompt_id":"p","account":"ann","status":"failed","reason":"lost","number":3,"lane":"native","attempt":3,"outputs_count":1,"created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:06Z","ended_at":"2026-01-02T03:04:07.5Z"}`
	s := newShell(t)
	var query string
	operated(s, map[string]http.HandlerFunc{
		"GET /admin/jobs": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("account") == "nobody" {
				answer(200, `{"jobs":null,"pagination":{}}`)(w, r)
				return
			}
			query = r.URL.RawQuery
			answer(200, `{"jobs":[`+job+`],"pagination":{"total":8,"has_more":true}}`)(w, r)
		},
		"GET /admin/jobs/p":         answer(200, job),
		"POST /admin/jobs/p/cancel": answer(200, `{"cancelled":true}`),
		"POST /admin/jobs/q/cancel": answer(200, `{"cancelled":false}`),
		"GET /admin/jobs/x":         answer(404, `{"code":"not_found","message":"there is no job x"}`),
		"POST /admin/jobs/x/cancel": answer(404, `{"code":"not_found","message":"there is no job x"}`),
		"/api/":                     answer(403, `{"code":"forbidden","message":"an operator's key"}`),
	})
	s.want(s.run("job", "list", "--account", "ann", "--status", "failed,pending", "--limit", "1"), 0,
		"JOB  ACCOUNT  STATUS         CREATED              TOOK   OUTPUTS\np    ann      failed (lost)  "+at(created)+"  1.5 s  1\n", "1 of 8; --offset 1 shows more")
	if query != "account=ann&limit=1&status=failed%2Cpending" {
		t.Errorf("query %s", query)
	}
	s.want(s.run("job", "show", "p"), 0, "job      p\naccount  ann\nstatus   failed\nreason   lost\nnumber   3\nlane     native\nattempt  3\ncreated  "+at(created)+
		"\nstarted  "+at(created.Add(time.Second))+"\nended    "+at(created.Add(2500*time.Millisecond))+"\ntook     1.5 s\noutputs  1\nid       i\n")
	s.want(s.run("job", "list", "--account", "nobody", "--json"), 0, "[]\n")
	s.want(s.run("job", "cancel", "p"), 0, "job p: cancelled\n")
	s.want(s.run("job", "cancel", "q"), 0, "job q: had ended already\n")
	s.want(s.run("job", "show", "x"), 1, "", "settee: there is no job x (HTTP 404)\n")
	s.want(s.run("job", "cancel", "x"), 1, "", "settee: there is no job x (HTTP 404)\n")
}

// A client's key speaks for its own account; server and key come from the
// environment.
func TestOwnJobs(t *testing.T) {
	s := newShell(t)
	forbidden := answer(403, `{"code":"forbidden","message":"an admin key is needed"}`)
	t.Setenv("SETTEE_KEY", "comfyui-own")
	t.Setenv("SETTEE_SERVER", fake(t, map[string]http.HandlerFunc{
		"/admin/":       forbidden,
		"GET /api/jobs": answer(200, `{"jobs":[{"id":"p","status":"in_progress","create_time":1767323045000,"execution_start_time":1767323046000}],"pagination":{"total":1}}`),
		"GET /api/jobs/p": answer(200, `{"id":"p","status":"failed","create_time":1767323045000,"execution_error":{"node_id":"4","node_type":"X","exception_message":"boom\n"},
"outputs":{"9":{"images":[{"filename":"a.png","subfolder":"s","type":"temp"}],"text":["hi"]}}}`),
		"POST /api/jobs/p/cancel": answer(200, `{"cancelled":true}`),
		"POST /api/jobs/x/cancel": answer(404, `{"code":"not_found","message":"no such job"}`),
	}))
	s.program.Now = func() time.Time { return created.Add(66 * time.Second) }
	s.want(s.run("job", "list"), 0, "JOB  STATUS       CREATED              TOOK       OUTPUTS\np    in_progress  "+at(created)+"  1 min 5 s  0\n")
	s.want(s.run("job", "show", "p"), 0, "job      p\nstatus   failed\ncreated  "+at(created)+"\nerror    node 4 \"X\": boom\noutput  s/a.png [temp]  node 9\ntext    hi  node 9\n")
	s.want(s.run("job", "cancel", "p"), 0, "job p: cancelled\n")
	s.want(s.run("job", "cancel", "x"), 1, "", "settee: no such job (HTTP 404)\n")
	s.want(s.run("job", "list", "--account", "ann"), 1, "", "an admin key is needed")
}

type served struct{ key string }

func (served) URL() string                                { return "http://127.0.0.1:8188" }
func (s served) FirstKey(context.Context) (string, error) { return s.key, nil }
func (served) Key(context.Context) (string, error)        { return "", nil }
func (served) Run(context.Context) error                  { return nil }

func TestServe(t *testing.T) {
	s := newShell(t)
	var got cli.Serve
	key := "comfyui-first"
	s.program.Start = func(_ context.Context, o cli.Serve, _ *slog.Logger) (cli.Server, error) {
		got = o
		return served{key}, nil
	}
	s.want(s.run("serve"), 0, "Settee listens on http://127.0.0.1:8188\nThe key of account default, shown this once:\ncomfyui-first\n")
	if want := (cli.Serve{Listen: "127.0.0.1:8188", Data: "./settee-data", Database: "sqlite", Previews: "auto", JobStatusDialect: "overview", MaxUpload: 100 << 20, Grace: 10 * time.Second, Lease: 15 * time.Second}); !reflect.DeepEqual(got, want) {
		t.Errorf("defaults are %+v", got)
	}
	key = ""
	t.Setenv("SETTEE_BOOTSTRAP_KEY", "comfyui-boot")
	t.Setenv("SETTEE_JOB_STATUS_DIALECT", "raw")
	t.Setenv("SETTEE_DATA", "elsewhere")
	s.want(s.run("serve", "--listen", ":1", "--memory", "2GiB", "--open"), 0, "Settee listens on http://127.0.0.1:8188\nIt asks for no key.\n")
	if want := (cli.Serve{Listen: ":1", Data: "elsewhere", Database: "sqlite", BootstrapKey: "comfyui-boot", Open: true, Previews: "auto", JobStatusDialect: "raw", Memory: 2 << 30, MaxUpload: 100 << 20, Grace: 10 * time.Second, Lease: 15 * time.Second}); !reflect.DeepEqual(got, want) {
		t.Errorf("set to %+v", got)
	}
	s.want(s.run("serve", "--previews", "some"), 2, "", "--previews must be one of")
}
