package worker_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

const (
	start   = `{"number":1,"type":"execution_start","data":{"prompt_id":"p"}}`
	success = `{"told":2,"state":"completed","event":{"type":"execution_success","data":{"prompt_id":"p"}}}`
)

// Version 1 as it is spoken, letter by letter: a server must go on serving it.
func TestVersionOne(t *testing.T) {
	each(t, func(h *house) {
		h.want(200, `{"min":1,"max":4}`, "GET", "/versions", "")
		status, text := h.ask(h.token, "POST", "/sessions", hello)
		var opened struct{ Session, Worker string }
		if err := json.Unmarshal([]byte(text), &opened); err != nil || status != 201 ||
			text != `{"version":1,"session":"`+opened.Session+`","worker":"`+opened.Worker+`","pool":"gpu","depth":1,"lease_ms":60000}` {
			t.Fatalf("opened %d %s", status, text)
		}
		s := "/sessions/" + opened.Session
		h.want(204, "", "POST", s+"/claim", `{"wait_ms":1}`)
		input := strings.Repeat("input", 1000)
		in, err := h.assets.Upload(t.Context(), "a", upload("in.png", input))
		if err != nil {
			t.Fatal(err)
		}
		h.submit("p", "gpu", settee.JobInput{Node: "1", Input: "image", Reference: "in.png", Hash: in.Blob.Hash, Size: in.Blob.Size})
		id := h.job("p").ID
		graph := base64.StdEncoding.EncodeToString([]byte(`{"9":  {"class_type":"SaveImage","seed":18446744073709551615,"nan":NaN}}`))
		h.want(200, `{"job":"`+id+`","n":1,"account":"a","prompt_id":"p","client_id":"tab","graph":"`+graph+`","edits":null,"extra_data":"e30=","outputs":["9"],`+
			`"inputs":[{"node":"1","input":"image","reference":"in.png","hash":"`+in.Blob.Hash+`","size":5000}],"watched":false}`,
			"POST", s+"/claim", `{"wait_ms":10000}`)
		j := s + "/jobs/" + id + "/1"
		h.want(200, input, "GET", s+"/blobs/"+in.Blob.Hash, "")
		h.want(206, input[4990:], "GET", s+"/blobs/"+in.Blob.Hash, "", "Range", "bytes=4990-")
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+
			`,{"type":"executing","data":{"node":"9","prompt_id":"p"}},{"node":"9","binary":"AAAAAQAAAAEA","wanted":true}]}`)
		h.want(200, `{"offset":0}`, "POST", s+"/blobs", `{"hash":"`+hashOf("pixels")+`","size":6}`)
		receipt := h.put(s, "pixels")
		h.want(200, `{"receipt":"`+receipt+`","offset":6}`, "POST", s+"/blobs", `{"hash":"`+hashOf("pixels")+`","size":6}`)
		h.want(200, `{"told":2,"watched":false,"output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}}`,
			"POST", j+"/execute", saved(2, "pixels", receipt, ""))
		if _, err := h.queue.Cancel(t.Context(), "a", "p"); err != nil {
			t.Fatal(err)
		}
		h.want(200, `{"orders":[{"job":"`+id+`","n":1,"reason":"cancelled"}]}`, "POST", s+"/renew", `{"holding":[{"job":"`+id+`","n":1}]}`)
		h.want(200, `{}`, "POST", j+"/finish", success)
		if got := h.heard(); got != "execution_start executing binary executed execution_success executing" {
			t.Errorf("heard %s", got)
		}
		if got := h.job("p"); got.State != settee.Completed || got.OutputsCount != 1 {
			t.Errorf("ended as %+v", got)
		}
		h.want(204, "", "DELETE", s, "")
		h.want(409, `{"code":"lease_lost","message":"the session is over"}`, "POST", s+"/claim", `{}`)
	})
}

func TestVersions(t *testing.T) {
	h := newHouse(t, sqlite(t))
	for _, c := range []struct {
		versions string
		status   int
	}{{`{"min":1,"max":1}`, 201}, {`{"min":0,"max":9}`, 201}, {`{"min":2,"max":3}`, 201}, {`{"min":3,"max":4}`, 201}, {`{"min":5,"max":6}`, 400}, {`{"min":0,"max":0}`, 400}, {`{"min":1,"max":0}`, 400}} {
		status, text := h.ask(h.token, "POST", "/sessions", strings.Replace(hello, `{"min":1,"max":1}`, c.versions, 1))
		if status != c.status || status == 400 && text != `{"code":"unsupported_version","message":"This server speaks other versions of the protocol.","versions":{"min":1,"max":4}}` {
			t.Errorf("%s: %d %s", c.versions, status, text)
		}
	}
}

// A call that is made again is done once, by the same server and by one that was
// started again in between.
func TestCallsMadeAgain(t *testing.T) {
	each(t, func(h *house) {
		h.submit("p", "gpu")
		s := h.open(h.token, "box")
		j := h.claim(h.token, s)
		const batch = `{"batch":1,"frames":[` + start + `,{"type":"progress","data":{"value":1}}]}`
		for range 2 {
			h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", batch)
		}
		if got := h.heard(); got != "execution_start progress" {
			t.Errorf("heard %s", got)
		}
		receipt := h.put(s, "pixels")
		// Nothing of the start is written down yet, and this server knows nothing.
		h.boot()
		h.want(409, `{"code":"gap","message":"Events before these are missing.","told":0}`, "POST", j+"/execute", saved(2, "pixels", receipt, ""))
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":2,"frames":[`+start+`]}`)
		const named = `{"told":2,"watched":false,"output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}}`
		h.want(200, named, "POST", j+"/execute", saved(2, "pixels", receipt, ""))
		h.want(200, named, "POST", j+"/execute", saved(2, "pixels", receipt, ""))
		h.boot()
		h.want(200, named, "POST", j+"/execute", saved(2, "pixels", receipt, ""))
		h.want(409, `{"code":"gap","message":"Events before these are missing.","told":2}`, "POST", j+"/finish", strings.Replace(success, `"told":2`, `"told":3`, 1))
		for range 2 {
			h.want(200, `{}`, "POST", j+"/finish", success)
		}
		h.boot()
		h.want(200, `{}`, "POST", j+"/finish", success)
		const failure = `{"told":2,"state":"failed","reason":"error","event":{"type":"execution_error","data":{"prompt_id":"p"}}}`
		h.want(409, `{"code":"lease_lost","message":"the attempt is over"}`, "POST", j+"/finish", failure)
		if j := h.job("p"); j.State != settee.Completed || j.OutputsCount != 1 {
			t.Errorf("ended as %+v", j)
		}
	})
}

// A job whose answer to the claim was lost is put back, and not counted.
func TestUnheardLease(t *testing.T) {
	each(t, func(h *house) {
		h.submit("p", "gpu")
		s := h.open(h.token, "box")
		h.claim(h.token, s)
		ses, err := h.queue.Session(t.Context(), strings.TrimPrefix(s, "/sessions/"))
		if err != nil {
			t.Fatal(err)
		}
		at := queue.Attempt{JobID: h.job("p").ID, N: 1, SessionID: ses.ID}
		for _, known := range [][]queue.Attempt{{at}, nil} {
			if err := h.queue.GiveBack(t.Context(), ses, known, 0); err != nil {
				t.Fatal(err)
			}
			if held, err := h.queue.HeldBy(t.Context(), ses); err != nil || len(held) != len(known) {
				t.Errorf("holds %v, %v", held, err)
			}
		}
		if j := h.job("p"); j.State != settee.Pending || j.Attempt != 1 {
			t.Errorf("the job is %+v", j)
		}
		if j := h.claim(h.token, s); !strings.HasSuffix(j, "/2") {
			t.Errorf("claimed %s", j)
		}
	})
}

// Two workers cannot both finish a job, whichever speaks first.
func TestFencing(t *testing.T) {
	each(t, func(h *house) {
		for _, late := range []bool{true, false} {
			prompt := map[bool]string{true: "late", false: "early"}[late]
			h.submit(prompt, "gpu")
			first := h.open(h.token, "first")
			lost := h.claim(h.token, first)
			if err := h.queue.RemoveWorker(t.Context(), "first"); err != nil { // the network is cut for longer than the lease
				t.Fatal(err)
			}
			second := h.open(h.token, "second")
			j := h.claim(h.token, second)
			end := strings.ReplaceAll(strings.Replace(success, `"told":2`, `"told":0`, 1), `"p"`, `"`+prompt+`"`)
			over := func() {
				h.want(409, `{"code":"lease_lost","message":"the attempt is over"}`, "POST", lost+"/report",
					`{"batch":1,"frames":[`+strings.Replace(start, `"p"`, `"`+prompt+`"`, 1)+`]}`)
				h.want(409, `{"code":"lease_lost","message":"the attempt is over"}`, "POST", lost+"/execute", saved(1, "x", "", ""))
				h.want(409, `{"code":"lease_lost","message":"the attempt is over"}`, "POST", lost+"/finish", end)
			}
			if late {
				over()
			}
			h.want(200, `{}`, "POST", j+"/finish", end)
			if !late {
				over()
			}
			if j := h.job(prompt); j.State != settee.Completed || j.Attempt != 2 {
				t.Errorf("ended as %+v", j)
			}
		}
	})
}
