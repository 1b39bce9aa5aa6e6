package worker_test

import (
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/store"
)

// What an account asks to have forgotten is told to the workers that are here,
// once.
func TestForget(t *testing.T) {
	h := newHouse(t, sqlite(t))
	h.submit("p", "gpu")
	s := h.open(h.token, "box")
	j := h.claim(h.token, s)
	if _, err := h.queue.Cancel(t.Context(), "a", "p"); err != nil { // an order, so that a renewal does not wait
		t.Fatal(err)
	}
	h.surface.Forget("a")
	h.surface.Forget("a")
	orders := `{"orders":[{"job":"` + h.job("p").ID + `","n":1,"reason":"cancelled"}]`
	h.want(200, orders+`,"forget":["a"]}`, "POST", s+"/renew", `{"holding":[]}`)
	h.want(200, orders+`}`, "POST", s+"/renew", `{"holding":[]}`)
	h.want(409, `{"code":"gap","message":"Events before these are missing.","told":0}`, "POST", j+"/finish", success)
}

// What version 4 adds, letter by letter: a renewal that is answered at once.
func TestVersionFour(t *testing.T) {
	each(t, func(h *house) {
		status, text := h.ask(h.token, "POST", "/sessions", strings.Replace(hello, `"max":1`, `"max":4`, 1))
		_, rest, _ := strings.Cut(text, `"session":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if status != 201 || !strings.HasPrefix(text, `{"version":4,`) {
			t.Fatalf("open: %d %s", status, text)
		}
		until := func() (at int64) {
			if err := h.db.Read(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT expires_at FROM worker_sessions WHERE id = $1`, id).Scan(&at)
			}); err != nil {
				t.Fatal(err)
			}
			return at
		}
		s, before := "/sessions/"+id, until()
		h.submit("p", "gpu")
		j := h.claim(h.token, s)
		if _, err := h.queue.Cancel(t.Context(), "a", "p"); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what must stop is for the one that waits to say
			h.want(200, `{"orders":[]}`, "POST", s+"/renew", `{"at_once":true}`)
		}
		if after := until(); after <= before {
			t.Errorf("the session lived until %d, and lives until %d", before, after)
		}
		_, at, _ := strings.Cut(j, "/jobs/")
		job, _, _ := strings.Cut(at, "/")
		h.want(200, `{"orders":[{"job":"`+job+`","n":1,"reason":"cancelled"}]}`, "POST", s+"/renew", `{"holding":[{"job":"`+job+`","n":1}]}`)
		if status, text := h.ask(h.newToken("gpu"), "POST", s+"/renew", `{"at_once":true}`); status != 409 {
			t.Errorf("another token's session: %d %s", status, text)
		}
		h.want(204, "", "DELETE", s, "")
		h.want(409, `{"code":"lease_lost","message":"the session is over"}`, "POST", s+"/renew", `{"at_once":true}`)
	})
}

// A token cannot keep a server's own workers away by taking their names.
func TestNamesOfTheServersOwn(t *testing.T) {
	h := newHouse(t, sqlite(t))
	h.open(h.token, "native-1")
	d := settee.Description{Engine: "native", Version: "1", Definitions: []byte(`{}`), Depth: 1}
	if _, err := h.queue.Open(t.Context(), "native-1", "native", d); err != nil {
		t.Fatal(err)
	}
	h.want(409, `{"code":"conflict","message":"The worker name native-1 is taken by a worker with another token."}`,
		"POST", "/sessions", strings.Replace(hello, `"box"`, `"native-1"`, 1))
}

// A claim that waits when the server stops is told so.
func TestAClaimEndsWithTheServer(t *testing.T) {
	h := newHouse(t, sqlite(t))
	s := h.open(h.token, "box")
	h.surface.Close()
	h.want(503, `{"code":"unavailable","message":"The server is stopping."}`, "POST", s+"/claim", `{"wait_ms":30000}`)
}
