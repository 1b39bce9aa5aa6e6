package worker_test

import (
	"strings"
	"testing"

	"github.com/settee/settee"
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
