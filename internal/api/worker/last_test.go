package worker_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/settee/settee"
)

// ended is a finish's body with what is told last; told counts the events before.
func ended(told int, last ...string) string {
	return fmt.Sprintf(`{"told":%d,"state":"completed","event":{"type":"execution_success","data":{"prompt_id":"p"}},"last":[%s]}`,
		told, strings.Join(last, ","))
}

// What comes last goes with the ending from version 3 on, letter by letter.
func TestLastOfVersionThree(t *testing.T) {
	each(t, func(h *house) {
		s, j := h.three()
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
		receipt, other := h.put(s, "pixels"), h.put(s, "more")
		output := func(content, receipt string) string {
			return fmt.Sprintf(`{"receipts":{%q:%q},"executed":{"node":"9","display_node":"9","real_node":"9","output":[{"name":"images","entries":[
				{"new":{"blob":{"Hash":%q,"Size":%d},"type":"output","subfolder":"","prefix":"cat","suffix":"_.png","mime":"image/png"}}]}]}}`,
				hashOf(content), receipt, hashOf(content), len(content))
		}
		body := ended(1, output("pixels", receipt), `{"type":"progress_state","data":{"nodes":{"9":{"prompt_id":"p"}},"prompt_id":"p"}}`,
			`{"node":"9","binary":"AAAAAQAAAAEA"}`, output("more", other), `{"type":"executing","data":{"node":null,"prompt_id":"p"}}`)
		body = strings.Replace(body, `{`, `{"batch":2,"frames":[{"type":"progress","data":{"value":1}}],`, 1)
		const named = `{"outputs":[{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]},{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]}]}`
		h.want(200, named, "POST", j+"/finish", body)
		if got := h.heard(); got != "execution_start progress executed progress_state binary executed execution_success executing" {
			t.Errorf("heard %s", got)
		}
		if got := h.job("p"); got.State != settee.Completed || got.OutputsCount != 2 {
			t.Errorf("ended as %+v", got)
		}
		before := h.everything()
		for range 2 {
			h.want(200, named, "POST", j+"/finish", body)
			h.boot()
		}
		if after := h.everything(); after != before {
			t.Errorf("told again, it changed\n%s\nto\n%s", before, after)
		}
		if got := h.heard(); got != "" {
			t.Errorf("heard again %s", got)
		}
	})
}

// A session that speaks an older version is told so, and its job runs on.
func TestLastOfAnOlderVersion(t *testing.T) {
	h := newHouse(t, sqlite(t))
	_, j := h.two()
	body := strings.Replace(ended(0, `{"type":"progress","data":{}}`), `"p"`, `"runs"`, 1)
	h.want(400, `{"code":"invalid_request","message":"What comes last with an ending is of version 3 of the protocol; this session speaks version 2."}`, "POST", j+"/finish", body)
	if got := h.job("runs"); got.State != settee.InProgress {
		t.Errorf("it is %+v", got)
	}
	h.want(200, `{}`, "POST", j+"/finish", strings.Replace(body, `,"last":[{"type":"progress","data":{}}]`, "", 1))
}

// When events before what comes last are missing none of it is taken.
func TestLastAfterAGap(t *testing.T) {
	h := newHouse(t, sqlite(t))
	s, j := h.three()
	h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
	body := ended(1, saved(0, "pixels", h.put(s, "pixels"), ""))
	h.boot()
	h.want(409, `{"code":"gap","message":"Events before these are missing.","told":0}`, "POST", j+"/finish", body)
	h.want(200, `{"outputs":[{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}]}`,
		"POST", j+"/finish", strings.Replace(body, `{`, `{"batch":2,"frames":[`+start+`],`, 1))
}

// A job that is handed back keeps nothing of what came last.
func TestLastOfAHandBack(t *testing.T) {
	h := newHouse(t, sqlite(t))
	s, j := h.three()
	h.want(200, `{}`, "POST", j+"/finish", `{"told":0,"state":"pending","reason":"drained","last":[`+saved(0, "pixels", h.put(s, "pixels"), "")+`]}`)
	if got := h.job("p"); got.State != settee.Pending || got.OutputsCount != 0 || h.heard() != "" {
		t.Errorf("put back as %+v", got)
	}
}

// What must not come last is refused, with the ending and with all that came
// before it there: nothing is changed, and the job runs.
func TestHostileLast(t *testing.T) {
	each(t, func(h *house) {
		theirs, err := h.assets.Upload(t.Context(), "b", upload("secret.png", "another account's"))
		if err != nil {
			t.Fatal(err)
		}
		s, j := h.three()
		good := saved(0, "pixels", h.put(s, "pixels"), "")
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
		h.heard()
		before := h.everything()
		for what, c := range map[string]struct {
			step   string
			status int
			code   settee.Code
		}{
			"another job's event":                   {`{"type":"progress","data":{"prompt_id":"q"}}`, 400, settee.CodeInvalid},
			"another job's state":                   {`{"type":"progress_state","data":{"nodes":{"1":{"prompt_id":"q"}}}}`, 400, settee.CodeInvalid},
			"a picture of another job":              {`{"node":"9","binary":"` + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x04\x00\x00\x00\x11"+`{"prompt_id":"q"}`)) + `"}`, 400, settee.CodeInvalid},
			"nothing":                               {`{}`, 400, settee.CodeInvalid},
			"a file without a receipt":              {saved(0, "another account's", "", ""), 400, settee.CodeInvalid},
			"a file with another's receipt":         {strings.ReplaceAll(good, hashOf("pixels"), theirs.Blob.Hash), 400, settee.CodeInvalid},
			"a file that is gone":                   {`{"executed":{"node":"9","output":[{"name":"images","entries":[{"old":{"filename":"gone.png","type":"output"}}]}]}}`, 404, settee.CodeNotFound},
			"a name that climbs":                    {strings.Replace(good, `"prefix"`, `"name":"../x.png","prefix"`, 1), 400, settee.CodeInvalid},
			"a frame with a number":                 {`{"number":2,"type":"progress","data":{}}`, 400, settee.CodeInvalid},
			"a start":                               {`{"number":2,"type":"execution_start","data":{"prompt_id":"p"}}`, 400, settee.CodeInvalid},
			"what was cached":                       {`{"number":2,"type":"execution_cached","data":{"prompt_id":"p"}}`, 400, settee.CodeInvalid},
			"an output as an event":                 {`{"number":2,"type":"executed","data":{"prompt_id":"p"}}`, 400, settee.CodeInvalid},
			"another ending":                        {`{"number":2,"type":"execution_success","data":{"prompt_id":"p"}}`, 400, settee.CodeInvalid},
			"the account's status":                  {`{"type":"status","data":{}}`, 400, settee.CodeInvalid},
			"the server's features":                 {`{"type":"feature_flags","data":{}}`, 400, settee.CodeInvalid},
			"an event that is too large":            {`{"type":"progress","data":{"x":"` + strings.Repeat("x", 9<<20) + `"}}`, 413, settee.CodeTooLarge},
			"an output that is too large":           {`{"executed":{"node":"9","output":[{"name":"text","entries":[{"json":"` + strings.Repeat("x", 3<<20) + `"}]}]}}`, 413, settee.CodeTooLarge},
			"more than fits":                        {strings.Repeat(" ", 49<<20) + `{"type":"progress","data":{}}`, 413, settee.CodeTooLarge},
			"an output of more entries than it has": {`{"executed":{"node":"9","output":[{"name":"text","entries":[` + strings.Repeat(`{"json":1},`, 20_000) + `{"json":1}]}]}}`, 413, settee.CodeTooLarge},
		} {
			status, text := h.ask(h.token, "POST", j+"/finish", ended(1, good, `{"type":"progress","data":{}}`, c.step))
			if status != c.status || !strings.HasPrefix(text, `{"code":"`+string(c.code)+`","message":"`) {
				t.Errorf("%s: %d %.300s, want %d %s", what, status, text, c.status, c.code)
			}
			if after := h.everything(); after != before {
				t.Fatalf("%s changed something:\n%s\nwas\n%s", what, after, before)
			}
			if got := h.heard(); got != "" {
				t.Errorf("%s was heard: %s", what, got)
			}
		}
		h.want(200, `{"outputs":[{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}]}`, "POST", j+"/finish", ended(1, good))
	})
}
