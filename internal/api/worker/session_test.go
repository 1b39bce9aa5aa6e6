package worker_test

import (
	"testing"
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
