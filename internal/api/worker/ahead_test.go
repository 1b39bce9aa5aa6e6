package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/store"
)

const (
	helloTwo = `{"versions":{"min":1,"max":2},"name":"box","engine":{"engine":"comfyui","version":"1","definitions":"e30=","devices":[],"depth":2}}`
	over     = `{"code":"lease_lost","message":"the attempt is over"}`
	early    = `{"code":"conflict","message":"the attempt has not started"}`
)

// two is a session of version 2 that runs a job of its own; its path and the
// job's.
func (h *house) two() (session, running string) {
	h.Helper()
	status, text := h.ask(h.token, "POST", "/sessions", helloTwo)
	if status != 201 || !strings.HasPrefix(text, `{"version":2,`) {
		h.Fatalf("open: %d %s", status, text)
	}
	_, rest, _ := strings.Cut(text, `"session":"`)
	id, _, _ := strings.Cut(rest, `"`)
	session = "/sessions/" + id
	h.submit("runs", "gpu")
	return session, h.claim(h.token, session)
}

// What version 2 adds, letter by letter: a job that is claimed while another runs
// lies ahead until it is started.
func TestVersionTwo(t *testing.T) {
	each(t, func(h *house) {
		s, running := h.two()
		h.want(204, "", "POST", s+"/claim", `{"wait_ms":30000,"ahead":true}`)
		h.submit("p", "gpu")
		status, text := h.ask(h.token, "POST", s+"/claim", `{"ahead":true}`)
		id := h.job("p").ID
		if status != 200 || !strings.HasPrefix(text, `{"job":"`+id+`","n":1,`) || !strings.HasSuffix(text, `"watched":false,"ahead":true}`) {
			t.Fatalf("claimed ahead: %d %s", status, text)
		}
		j := s + "/jobs/" + id + "/1"
		h.heard()
		for path, body := range map[string]string{
			"/report":  `{"batch":1,"frames":[` + start + `]}`,
			"/execute": saved(1, "x", h.put(s, "x"), ""),
			"/finish":  strings.Replace(success, `"told":2`, `"told":0`, 1),
		} {
			h.want(409, early, "POST", j+path, body)
		}
		if got := h.job("p"); got.State != settee.Pending || h.heard() != "" {
			t.Errorf("ahead it is %+v", got)
		}
		for range 2 { // the answer may be lost
			h.want(200, `{}`, "POST", j+"/start", `{}`)
		}
		if got := h.job("p"); got.State != settee.InProgress || got.Attempt != 1 {
			t.Errorf("started it is %+v", got)
		}
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
		h.want(200, `{}`, "POST", j+"/finish", strings.Replace(success, `"told":2`, `"told":1`, 1))
		h.want(409, over, "POST", j+"/start", `{}`)
		h.want(200, `{}`, "POST", running+"/finish", strings.NewReplacer(`"told":2`, `"told":0`, `"p"`, `"runs"`).Replace(success))
	})
}

// The time of a job with a cap runs from its start.
func TestStartTellsTheTimeLeft(t *testing.T) {
	h := newHouse(t, sqlite(t))
	if err := h.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE tiers SET runtime_cap = $1`, time.Minute.Microseconds())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s, _ := h.two()
	h.submit("p", "gpu")
	status, text := h.ask(h.token, "POST", s+"/claim", `{"ahead":true}`)
	if status != 200 || strings.Contains(text, "time_ms") {
		t.Fatalf("claimed ahead: %d %s", status, text)
	}
	status, text = h.ask(h.token, "POST", s+"/jobs/"+h.job("p").ID+"/1/start", "")
	if status != 200 || !strings.HasPrefix(text, `{"time_ms":5`) && text != `{"time_ms":60000}` {
		t.Fatalf("started: %d %s", status, text)
	}
}

// Nobody starts what is not his, what was cancelled, or what he lost.
func TestHostileStarts(t *testing.T) {
	each(t, func(h *house) {
		s, _ := h.two()
		h.submit("p", "gpu")
		if status, text := h.ask(h.token, "POST", s+"/claim", `{"ahead":true}`); status != 200 {
			t.Fatalf("claimed ahead: %d %s", status, text)
		}
		id := h.job("p").ID
		other := h.newToken("")
		rival := h.open(other, "rival")
		for what, path := range map[string]string{
			"another session's": rival + "/jobs/" + id + "/1/start",
			"one that is none":  rival + "/jobs/none/1/start",
			"one to come":       s + "/jobs/" + id + "/2/start",
			"another token's":   s + "/jobs/" + id + "/1/start",
		} {
			token := other
			if what == "one to come" {
				token = h.token
			}
			if status, text := h.ask(token, "POST", path, `{}`); status != 409 || !strings.HasPrefix(text, `{"code":"lease_lost"`) {
				t.Errorf("%s: %d %s", what, status, text)
			}
		}
		if got := h.job("p"); got.State != settee.Pending {
			t.Fatalf("it is %+v", got)
		}
		if _, err := h.queue.Cancel(t.Context(), "a", "p"); err != nil {
			t.Fatal(err)
		}
		h.want(200, `{"orders":[{"job":"`+id+`","n":1,"reason":"cancelled"}]}`, "POST", s+"/renew", `{"holding":[{"job":"`+id+`","n":1}]}`)
		h.want(409, over, "POST", s+"/jobs/"+id+"/1/start", `{}`)

		h.submit("q", "gpu")
		if status, text := h.ask(h.token, "POST", s+"/claim", `{"ahead":true}`); status != 200 {
			t.Fatalf("claimed ahead: %d %s", status, text)
		}
		if err := h.queue.RemoveWorker(t.Context(), "box"); err != nil {
			t.Fatal(err)
		}
		h.want(409, over, "POST", s+"/jobs/"+h.job("q").ID+"/1/start", `{}`)
		if got := h.job("q"); got.State != settee.Pending || got.Attempt != 0 {
			t.Errorf("it is %+v", got)
		}
	})
}
