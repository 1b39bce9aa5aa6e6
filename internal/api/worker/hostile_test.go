package worker_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
)

// What a worker must not do is refused, and nothing is changed by it.
func TestHostileWorkers(t *testing.T) {
	each(t, func(h *house) {
		theirs, err := h.assets.Upload(t.Context(), "b", upload("secret.png", "another account's"))
		if err != nil {
			t.Fatal(err)
		}
		own, err := h.assets.Upload(t.Context(), "a", upload("other.png", "of the account, but no input"))
		if err != nil {
			t.Fatal(err)
		}
		h.submit("p", "gpu")
		h.submit("q", "gpu")
		h.submit("elsewhere", "native")
		s := h.open(h.token, "box")
		j := h.claim(h.token, s)
		other := h.newToken("")
		otherSession := h.open(other, "rival")
		rival := h.open(other, "rival-2")
		otherJob := h.claim(other, gpuSession(h, other))
		receipt := h.put(s, "pixels")
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
		h.heard()
		before := h.everything()
		files := h.files()

		frame := func(f string) string { return `{"batch":2,"frames":[` + f + `]}` }
		binary := func(b string) string {
			return frame(`{"node":"9","binary":"` + base64.StdEncoding.EncodeToString([]byte(b)) + `"}`)
		}
		named := func(more string) string { return saved(2, "pixels", receipt, ","+more) }
		ending := func(state, reason, kind, data string) string {
			return fmt.Sprintf(`{"told":1,"state":%q,"reason":%q,"event":{"type":%q,"data":%s}}`, state, reason, kind, data)
		}
		old := func(f string) string {
			return `{"number":2,"executed":{"node":"9","output":[{"name":"images","entries":[{"old":` + f + `}]}]}}`
		}
		mine := strings.TrimPrefix(j, s)
		rivals := strings.TrimPrefix(otherJob, otherJob[:strings.Index(otherJob, "/jobs/")])
		for _, c := range []struct {
			what, token, method, path, body string
			status                          int
			code                            settee.Code
		}{
			{"no token", "", "POST", s + "/claim", `{}`, 401, settee.CodeUnauthorized},
			{"a wrong token", "comfyui-wrong", "POST", s + "/claim", `{}`, 401, settee.CodeUnauthorized},
			{"a session of another token", other, "POST", s + "/claim", `{}`, 409, settee.CodeLeaseLost},
			{"its renewal", other, "POST", s + "/renew", `{}`, 409, settee.CodeLeaseLost},
			{"its end", other, "DELETE", s, ``, 409, settee.CodeLeaseLost},
			{"its job", other, "POST", j + "/finish", success, 409, settee.CodeLeaseLost},
			{"its job through an own session", other, "POST", otherSession + mine + "/finish", success, 409, settee.CodeLeaseLost},
			{"a session that never was", h.token, "POST", "/sessions/x/claim", `{}`, 409, settee.CodeLeaseLost},
			{"another's job", h.token, "POST", s + rivals + "/finish", strings.Replace(success, `"p"`, `"q"`, 1), 409, settee.CodeLeaseLost},
			{"another's events", h.token, "POST", s + rivals + "/report", frame(`{"type":"progress","data":{}}`), 409, settee.CodeLeaseLost},
			{"another's outputs", h.token, "POST", s + rivals + "/execute", saved(1, "pixels", receipt, ""), 409, settee.CodeLeaseLost},
			{"an attempt that is to come", h.token, "POST", s + strings.TrimSuffix(mine, "/1") + "/2/finish", success, 409, settee.CodeLeaseLost},
			{"more jobs than it takes", other, "POST", otherJob[:strings.Index(otherJob, "/jobs/")] + "/claim", `{"wait_ms":-5}`, 204, ""},
			{"a pool that is not the token's", h.token, "POST", "/sessions", strings.Replace(hello, `"name"`, `"pool":"native","name"`, 1), 403, settee.CodeForbidden},
			{"a pool that is a lane", other, "POST", "/sessions", strings.Replace(hello, `"name"`, `"pool":"gpu+native","name"`, 1), 400, settee.CodeInvalid},
			{"another token's worker", other, "POST", "/sessions", hello, 409, settee.CodeConflict},
			{"a name that is a path", h.token, "POST", "/sessions", strings.Replace(hello, `"box"`, `"../box"`, 1), 400, settee.CodeInvalid},
			{"definitions that are none", h.token, "POST", "/sessions", strings.Replace(hello, `"e30="`, `"W10="`, 1), 400, settee.CodeInvalid},
			{"devices that are none", h.token, "POST", "/sessions", strings.Replace(hello, `"devices":[]`, `"devices":{}`, 1), 400, settee.CodeInvalid},
			{"no depth", h.token, "POST", "/sessions", strings.Replace(hello, `"depth":1`, `"depth":100000`, 1), 400, settee.CodeInvalid},
			{"a body that is none", h.token, "POST", s + "/claim", `[`, 400, settee.CodeInvalid},
			{"a body beyond the limit", h.token, "POST", s + "/claim", strings.Repeat(" ", 2<<20), 413, settee.CodeTooLarge},
			{"text that is none", h.token, "POST", j + "/report", "{\"frames\":[{\"type\":\"progress\",\"data\":{\"x\":\"\xff\"}}]}", 400, settee.CodeInvalid},

			{"an input of nobody", h.token, "GET", s + "/blobs/" + hashOf("x"), ``, 404, settee.CodeNotFound},
			{"another account's file", h.token, "GET", s + "/blobs/" + theirs.Blob.Hash, ``, 404, settee.CodeNotFound},
			{"a file that is no input", h.token, "GET", s + "/blobs/" + own.Blob.Hash, ``, 404, settee.CodeNotFound},
			{"a path for a hash", h.token, "GET", s + "/blobs/..%2f..%2fsettee.db", ``, 400, settee.CodeInvalid},
			{"a file by its hash alone", h.token, "POST", j + "/execute", saved(2, "another account's", "", ""), 400, settee.CodeInvalid},
			{"a receipt for other bytes", h.token, "POST", j + "/execute", saved(2, "another account's", receipt, ""), 400, settee.CodeInvalid},
			{"another session's receipt", other, "POST", otherJob + "/execute", saved(1, "pixels", receipt, ""), 400, settee.CodeInvalid},
			{"bytes that were not declared", h.token, "PUT", s + "/blobs/" + hashOf("declared"), "other", 400, settee.CodeInvalid},
			{"a hash that is none", h.token, "PUT", s + "/blobs/xyz", "other", 400, settee.CodeInvalid},
			{"a file without a job", other, "PUT", rival + "/blobs/" + hashOf("x"), "x", 409, settee.CodeLeaseLost},
			{"a file without end", h.token, "POST", s + "/blobs", `{"hash":"` + hashOf("x") + `","size":99999999999999}`, 413, settee.CodeTooLarge},
			{"a file of a negative size", h.token, "POST", s + "/blobs", `{"hash":"` + hashOf("x") + `","size":-1}`, 413, settee.CodeTooLarge},

			{"a name that climbs", h.token, "POST", j + "/execute", named(`"name":"../x.png"`), 400, settee.CodeInvalid},
			{"a folder that climbs", h.token, "POST", j + "/execute", named(`"name":"x.png","subfolder":"a/../../b"`), 400, settee.CodeInvalid},
			{"an absolute folder", h.token, "POST", j + "/execute", named(`"name":"x.png","subfolder":"/etc"`), 400, settee.CodeInvalid},
			{"a Windows path", h.token, "POST", j + "/execute", named(`"name":"..\\x.png"`), 400, settee.CodeInvalid},
			{"a name with a zero", h.token, "POST", j + "/execute", named(`"name":"x\u0000.png"`), 400, settee.CodeInvalid},
			{"a prefix that climbs", h.token, "POST", j + "/execute", named(`"prefix":"../x"`), 400, settee.CodeInvalid},
			{"a file among the inputs", h.token, "POST", j + "/execute", named(`"name":"in.png","type":"input"`), 400, settee.CodeInvalid},
			{"a folder of no account", h.token, "POST", j + "/execute", named(`"name":"in.png","type":"users"`), 400, settee.CodeInvalid},
			{"a name that is a hash", h.token, "POST", j + "/execute", named(`"name":"blake3:` + theirs.Blob.Hash + `"`), 400, settee.CodeInvalid},
			{"an old name that climbs", h.token, "POST", j + "/execute", old(`{"filename":"x.png","subfolder":"../..","type":"output"}`), 400, settee.CodeInvalid},
			{"an entry that is no JSON object", h.token, "POST", j + "/execute", `{"number":2,"executed":{"node":"9","output":[{"name":"images","entries":[{"old":{"filename":"x","type":"temp"},"json":"}{"}]}]}}`, 400, settee.CodeInvalid},
			{"an output without a number", h.token, "POST", j + "/execute", saved(0, "pixels", receipt, ""), 400, settee.CodeInvalid},
			{"an output far ahead", h.token, "POST", j + "/execute", saved(70_000, "pixels", receipt, ""), 400, settee.CodeInvalid},

			{"an event of another job", h.token, "POST", j + "/report", frame(`{"type":"progress","data":{"prompt_id":"q"}}`), 400, settee.CodeInvalid},
			{"a state of another job", h.token, "POST", j + "/report", frame(`{"type":"progress_state","data":{"nodes":{"1":{"prompt_id":"q"}}}}`), 400, settee.CodeInvalid},
			{"an ending as an event", h.token, "POST", j + "/report", frame(`{"type":"execution_success","data":{"prompt_id":"p"}}`), 400, settee.CodeInvalid},
			{"an output as an event", h.token, "POST", j + "/report", frame(`{"number":2,"type":"executed","data":{}}`), 400, settee.CodeInvalid},
			{"the account's status", h.token, "POST", j + "/report", frame(`{"type":"status","data":{}}`), 400, settee.CodeInvalid},
			{"the server's features", h.token, "POST", j + "/report", frame(`{"type":"feature_flags","data":{}}`), 400, settee.CodeInvalid},
			{"a durable event without a number", h.token, "POST", j + "/report", frame(`{"type":"execution_cached","data":{}}`), 400, settee.CodeInvalid},
			{"a durable event far ahead", h.token, "POST", j + "/report", frame(`{"number":99999,"type":"execution_cached","data":{}}`), 400, settee.CodeInvalid},
			{"data that are no object", h.token, "POST", j + "/report", frame(`{"type":"progress","data":[]}`), 400, settee.CodeInvalid},
			{"a type that is no word", h.token, "POST", j + "/report", frame(`{"type":"a\",\"b","data":{}}`), 400, settee.CodeInvalid},
			{"a durable event that is too large", h.token, "POST", j + "/report", frame(`{"number":2,"type":"execution_cached","data":{"x":"` + strings.Repeat("x", 3<<20) + `"}}`), 413, settee.CodeTooLarge},
			{"a binary message that is none", h.token, "POST", j + "/report", binary("short"), 400, settee.CodeInvalid},
			{"a binary message of no type", h.token, "POST", j + "/report", binary("\x00\x00\x00\x09\x00\x00\x00\x01x"), 400, settee.CodeInvalid},
			{"metadata of another job", h.token, "POST", j + "/report", binary("\x00\x00\x00\x04\x00\x00\x00\x11" + `{"prompt_id":"q"}`), 400, settee.CodeInvalid},
			{"metadata beyond the message", h.token, "POST", j + "/report", binary("\x00\x00\x00\x04\xff\xff\xff\xff{}"), 400, settee.CodeInvalid},

			{"an ending of another job", h.token, "POST", j + "/finish", ending("completed", "", "execution_success", `{"prompt_id":"q"}`), 400, settee.CodeInvalid},
			{"an ending that does not fit", h.token, "POST", j + "/finish", ending("completed", "", "execution_error", `{}`), 400, settee.CodeInvalid},
			{"a reason that does not fit", h.token, "POST", j + "/finish", ending("failed", "lost", "execution_error", `{}`), 400, settee.CodeInvalid},
			{"a state that is none", h.token, "POST", j + "/finish", ending("gone", "", "execution_error", `{}`), 400, settee.CodeInvalid},
			{"an ending without an event", h.token, "POST", j + "/finish", `{"told":1,"state":"completed"}`, 400, settee.CodeInvalid},
		} {
			status, text := h.ask(c.token, c.method, c.path, c.body)
			if status != c.status || c.code != "" && !strings.HasPrefix(text, `{"code":"`+string(c.code)+`","message":"`) {
				t.Errorf("%s: %d %s, want %d %s", c.what, status, text, c.status, c.code)
			}
			if after := h.everything(); after != before {
				t.Fatalf("%s changed something:\n%s\nwas\n%s", c.what, after, before)
			}
			if got := h.heard(); got != "" {
				t.Errorf("%s was heard: %s", c.what, got)
			}
		}
		if after := h.files(); after != files {
			t.Errorf("files are %s, were %s", after, files)
		}
		if s, text := h.ask(h.token, "GET", "/admin/workers", ""); s == 200 {
			t.Errorf("a token opens /admin: %s", text)
		}
		h.want(200, `{}`, "POST", j+"/finish", strings.Replace(success, `"told":2`, `"told":1`, 1))
	})
}

// gpuSession is a session in pool gpu of a token that may serve any.
func gpuSession(h *house, token string) string {
	h.Helper()
	status, text := h.ask(token, "POST", "/sessions", strings.Replace(hello, `"name":"box"`, `"pool":"gpu","name":"any"`, 1))
	if status != 201 {
		h.Fatalf("open: %d %s", status, text)
	}
	_, rest, _ := strings.Cut(text, `"session":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return "/sessions/" + id
}

// A session has at most twice the jobs that its engine takes at once: the next
// is claimed while the endings of those before are on their way. Who has them waits,
// and gets the next as soon as one has ended; nothing lies ahead at him.
func TestHoarding(t *testing.T) {
	h := newHouse(t, sqlite(t))
	for i := range 3 {
		h.submit(fmt.Sprint("p", i), "gpu")
	}
	s := h.open(h.token, "box")
	j := h.claim(h.token, s)
	h.claim(h.token, s)
	h.want(204, "", "POST", s+"/claim", `{"wait_ms":1}`)
	h.want(204, "", "POST", s+"/claim", `{"ahead":true}`)
	got := make(chan string)
	go func() {
		_, text := h.ask(h.token, "POST", s+"/claim", `{"wait_ms":20000}`)
		got <- text
	}()
	h.want(200, `{}`, "POST", j+"/finish", strings.NewReplacer(`"told":2`, `"told":0`, `"p"`, `"p0"`).Replace(success))
	if text := <-got; !strings.HasPrefix(text, `{"job":"`+h.job("p2").ID+`"`) {
		t.Errorf("claimed %s", text)
	}
}

// A token that is deleted cuts its workers off; their jobs are put back.
func TestDeletedToken(t *testing.T) {
	h := newHouse(t, sqlite(t))
	h.submit("p", "gpu")
	s := h.open(h.token, "box")
	h.claim(h.token, s)
	if err := h.accounts.DeleteKey(t.Context(), h.token); err != nil {
		t.Fatal(err)
	}
	h.want(401, `{"code":"unauthorized","message":"The API key is not valid."}`, "POST", s+"/renew", `{}`)
	if err := h.queue.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j := h.job("p"); j.State != settee.Pending {
		t.Errorf("the job is %+v", j)
	}
	h.open(h.newToken("gpu"), "box") // the name is free again
}

// An upload that breaks off goes on where it stopped, also while its first
// connection hangs.
func TestUploadGoesOn(t *testing.T) {
	h := newHouse(t, sqlite(t))
	h.submit("p", "gpu")
	s := h.open(h.token, "box")
	h.claim(h.token, s)
	content := strings.Repeat("0123456789abcdef", 1<<16)
	half := len(content) / 2
	declare := `{"hash":"` + hashOf(content) + `","size":` + fmt.Sprint(len(content)) + `}`
	h.want(200, `{"offset":0}`, "POST", s+"/blobs", declare)

	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(2 * time.Minute)
	at := 0
	for at == 0 { // the question cuts the connection off, perhaps before anything has come
		if time.Now().After(limit) {
			t.Fatal("nothing arrives")
		}
		hanging, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer hanging.Close()
		fmt.Fprintf(hanging, "PUT /worker/v1%s/blobs/%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
			s, hashOf(content), h.token, len(content), content[:half])
		_, text := h.ask(h.token, "POST", s+"/blobs", declare)
		if n, err := fmt.Sscanf(text, `{"offset":%d}`, &at); n != 1 || err != nil {
			t.Fatalf("declared: %s", text)
		}
	}
	half = at
	h.want(409, `{"code":"conflict","message":"The upload goes on at another offset.","offset":`+fmt.Sprint(half)+`}`,
		"PUT", s+"/blobs/"+hashOf(content), content)
	status, text := h.ask(h.token, "PUT", s+"/blobs/"+hashOf(content), content[half:],
		"Content-Range", fmt.Sprintf("bytes %d-%d/%d", half, len(content)-1, len(content)))
	if status != http.StatusCreated {
		t.Fatalf("the rest: %d %s", status, text)
	}
	kept, err := h.blobs.Open(t.Context(), hashOf(content))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if got, err := io.ReadAll(kept); err != nil || string(got) != content {
		t.Errorf("kept %d bytes, %v", len(got), err)
	}
}
