package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Another account's jobs, files and events cannot be told from those that never
// were, whichever door one tries.
func TestAnotherAccountsThingsAreNotThere(t *testing.T) {
	h := enter(t)
	ann, bob := h.guestOf("ann"), h.guestOf("bob")
	picture := ann.uploaded(ann.upload("secret.png", square(t, 5)))
	id, _ := ann.job(ann.loaded(picture), "completed")
	const never = "00000000-0000-7000-8000-000000000000"
	hash := ""
	if a := ann.ask("GET", "/api/view?type=input&filename="+picture, nil); a.status == 302 {
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		hash = strings.TrimPrefix(u.Path, "/files/")
	}
	bob.upload("mine.png", square(t, 6))

	// Each pair names Ann's thing and one that never was.
	for _, c := range []struct{ method, real, never, body string }{
		{"GET", "/api/jobs/" + id, "/api/jobs/" + never, ""},
		{"GET", "/api/job/" + id + "/status", "/api/job/" + never + "/status", ""},
		{"GET", "/api/history/" + id, "/api/history/" + never, ""},
		{"GET", "/history/" + id, "/history/" + never, ""},
		{"GET", "/api/history_v2/" + id, "/api/history_v2/" + never, ""},
		{"GET", "/api/jobs/" + id + "/assets", "/api/jobs/" + never + "/assets", ""},
		{"POST", "/api/jobs/" + id + "/cancel", "/api/jobs/" + never + "/cancel", ""},
		{"POST", "/api/jobs/cancel", "/api/jobs/cancel", `{"job_ids":["ID"]}`},
		{"POST", "/api/interrupt", "/api/interrupt", `{"prompt_id":"ID"}`},
		{"POST", "/api/queue", "/api/queue", `{"delete":["ID"]}`},
		{"POST", "/api/history", "/api/history", `{"delete":["ID"]}`},
		{"GET", "/api/view?type=input&filename=secret.png", "/api/view?type=input&filename=nobody.png", ""},
		{"GET", "/view?type=input&filename=secret.png", "/view?type=input&filename=nobody.png", ""},
		{"GET", "/view?type=output&filename=hostile_00001_.png", "/view?type=output&filename=nobody_00001_.png", ""},
		{"GET", "/view?type=input&filename=blake3:" + hash, "/view?type=input&filename=blake3:" + strings.Repeat("0", 64), ""},
		{"GET", "/view?channel=rgb&type=input&filename=secret.png", "/view?channel=rgb&type=input&filename=nobody.png", ""},
		{"GET", "/files/" + hash, "/files/" + strings.Repeat("0", 64), ""},
		{"HEAD", "/view?type=input&filename=secret.png", "/view?type=input&filename=nobody.png", ""},
	} {
		real := bob.ask(c.method, c.real, strings.NewReader(strings.ReplaceAll(c.body, "ID", id)))
		none := bob.ask(c.method, c.never, strings.NewReader(strings.ReplaceAll(c.body, "ID", never)))
		text := strings.NewReplacer(id, "ID", "secret.png", "FILE", "hostile_00001_.png", "FILE").Replace(string(real.body))
		want := strings.NewReplacer(never, "ID", "nobody.png", "FILE", "nobody_00001_.png", "FILE").Replace(string(none.body))
		if real.status != none.status || text != want {
			t.Errorf("%s %s: %v; what never was: %v", c.method, c.real, real, none)
		}
	}
	never404 := bob.post(`{"prompt":` + bob.loaded("nobody.png") + `}`)
	real404 := bob.post(`{"prompt":` + bob.loaded("secret.png") + `}`)
	if real404.status != 400 || strings.ReplaceAll(string(real404.body), "secret.png", "F") != strings.ReplaceAll(string(never404.body), "nobody.png", "F") {
		t.Errorf("loading it: %v; what never was: %v", real404, never404)
	}
	bob.refused("loading it by its hash", bob.post(`{"prompt":`+bob.loaded("blake3:"+hash)+`}`), 400)
	if a := bob.send("/api/upload/mask", "m.png", square(t, 5), "original_ref", `{"filename":"secret.png","type":"input"}`); a.status == 200 {
		bob.refused("its pixels under a mask", bob.ask("GET", "/view?type=input&filename="+bob.uploaded(a), nil), 404)
	}
	for _, path := range []string{"/api/jobs", "/api/history", "/history", "/api/queue", "/api/history_v2", "/api/object_info", "/api/object_info/LoadImage", "/api/prompt", "/metrics"} {
		a := bob.ask("GET", path, nil)
		for _, secret := range []string{id, "secret.png", "hostile"} {
			if path != "/metrics" && strings.Contains(string(a.body), secret) {
				t.Errorf("%s tells Bob of %s", path, secret)
			}
		}
		if path == "/metrics" && strings.Contains(string(a.body), id) {
			t.Errorf("%s tells of a job", path)
		}
	}
	// A prompt id of Ann's is free for Bob: a refusal would tell.
	a := bob.post(`{"prompt":` + bob.picture(9) + `,"prompt_id":"` + id + `"}`)
	if a.status != 200 {
		t.Errorf("Ann's prompt id: %v", a)
	}
	bob.ended(id)
	if a := ann.ask("GET", "/api/jobs/"+id, nil); !strings.Contains(string(a.body), "secret.png") {
		t.Errorf("Ann's job is %v", a)
	}
}

// A socket hears its own account, whatever client id it claims.
func TestAnotherAccountsEventsAreNotHeard(t *testing.T) {
	h := enter(t)
	ann, bob := h.guestOf("ann"), h.guestOf("bob")
	ear := bob.listen("anns-editor")
	if err := ear.Write(t.Context(), websocket.MessageText, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	a := ann.post(`{"prompt":` + ann.picture(1) + `,"client_id":"anns-editor"}`)
	id := strings.Split(string(a.body), `"`)[3]
	ann.ended(id)
	own, _ := bob.job(bob.picture(2), "completed")
	ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
	defer done()
	for {
		_, text, err := ear.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), id) {
			t.Errorf("Bob heard %s", text)
		}
		var m struct {
			Type string
			Data struct {
				PromptID string `json:"prompt_id"`
				Status   struct {
					Info struct {
						Remaining int `json:"queue_remaining"`
					} `json:"exec_info"`
				}
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if m.Data.Status.Info.Remaining > 1 {
			t.Errorf("Bob's queue counts others: %s", text)
		}
		if m.Type == "execution_success" && m.Data.PromptID == own {
			return
		}
	}
}

// Numbers, counters and queues of an account tell nothing of another's.
func TestNothingCountsAnothersWork(t *testing.T) {
	h := enter(t)
	ann, bob := h.guestOf("ann"), h.guestOf("bob")
	for i := range 5 {
		ann.job(ann.picture(i), "completed")
	}
	a := bob.post(`{"prompt":` + bob.picture(1) + `}`)
	var first struct {
		PromptID string `json:"prompt_id"`
		Number   float64
	}
	if err := json.Unmarshal(a.body, &first); err != nil || first.Number != 1 {
		t.Errorf("Bob's first job: %v", a)
	}
	_, body := bob.ended(first.PromptID)
	if want := fmt.Sprintf("hostile_%05d_.png", 1); !strings.Contains(string(body), want) {
		t.Errorf("Bob's first file is not %s: %s", want, body)
	}
}
