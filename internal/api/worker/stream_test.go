package worker_test

import (
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

const (
	helloThree = `{"versions":{"min":1,"max":3},"name":"box","engine":{"engine":"comfyui","version":"1","definitions":"e30=","devices":[],"depth":1}}`
	offset     = "Upload-Offset"
	length     = "Upload-Length"
)

// three is a session of version 3 that runs job p; its path and the job's.
func (h *house) three() (session, running string) {
	h.Helper()
	status, text := h.ask(h.token, "POST", "/sessions", helloThree)
	if status != 201 || !strings.HasPrefix(text, `{"version":3,`) {
		h.Fatalf("open: %d %s", status, text)
	}
	_, rest, _ := strings.Cut(text, `"session":"`)
	id, _, _ := strings.Cut(rest, `"`)
	session = "/sessions/" + id
	h.submit("p", "gpu")
	return session, h.claim(h.token, session)
}

// streamed is the answer to the end of an upload, without its receipt.
func streamed(content string) string {
	return fmt.Sprintf(`{"offset":%d,"hash":%q,"size":%d,"receipt":"`, len(content), hashOf(content), len(content))
}

// What version 3 adds, letter by letter: a file that is hashed as it comes.
func TestVersionThree(t *testing.T) {
	each(t, func(h *house) {
		s, j := h.three()
		h.want(200, `{"told":1,"watched":false}`, "POST", j+"/report", `{"batch":1,"frames":[`+start+`]}`)
		up := s + "/uploads/my-Upload_1"
		h.want(200, `{"offset":3}`, "PUT", up, "pix")
		h.want(200, `{"offset":3}`, "POST", up, "")
		h.want(409, `{"code":"conflict","message":"The upload goes on at another offset.","offset":3}`, "PUT", up, "pix")
		h.want(200, `{"offset":6}`, "PUT", up, "els", offset, "3")
		before := h.files()
		status, ended := h.ask(h.token, "PUT", up, "", offset, "6", length, "6")
		if status != 200 || !strings.HasPrefix(ended, streamed("pixels")) {
			t.Fatalf("ended: %d %s", status, ended)
		}
		if after := h.files(); after == before || strings.Contains(after, "/blobs/tmp/") {
			t.Errorf("kept as %s", after)
		}
		h.want(200, ended, "PUT", up, "", offset, "6", length, "6") // the answer may be lost
		h.want(200, ended, "POST", up, "")
		_, receipt, _ := strings.Cut(ended, `"receipt":"`)
		receipt, _, _ = strings.Cut(receipt, `"`)
		h.want(200, `{"told":2,"watched":false,"output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}}`,
			"POST", j+"/execute", saved(2, "pixels", receipt, ""))

		for id, content := range map[string]string{"at-once": "whole", "empty": ""} {
			status, text := h.ask(h.token, "PUT", s+"/uploads/"+id, content, length, fmt.Sprint(len(content)))
			if want := streamed(content); status != 200 || content != "" && !strings.HasPrefix(text, want) || content == "" && !strings.HasPrefix(text, `{"offset":0,"hash":"`+hashOf("")+`","receipt":"`) {
				t.Errorf("%s: %d %s", id, status, text)
			}
		}
		h.want(200, `{"offset":4}`, "PUT", s+"/uploads/unwanted", "half", length, "8")
		h.want(204, "", "DELETE", s+"/uploads/unwanted", "")
		h.want(204, "", "DELETE", s+"/uploads/unwanted", "")
		if left := h.files(); strings.Contains(left, "/blobs/tmp/") {
			t.Errorf("left behind: %s", left)
		}
		h.want(200, `{"offset":0}`, "POST", s+"/uploads/unwanted", "")
		h.want(200, `{}`, "POST", j+"/finish", success)
	})
}

// A server that was started again knows no upload that had not ended.
func TestStreamAfterARestart(t *testing.T) {
	h := newHouse(t, sqlite(t))
	s, _ := h.three()
	h.want(200, `{"offset":3}`, "PUT", s+"/uploads/x", "pix")
	h.boot()
	h.want(409, `{"code":"conflict","message":"The upload goes on at another offset.","offset":0}`, "PUT", s+"/uploads/x", "els", offset, "3", length, "6")
	h.want(200, `{"offset":0}`, "POST", s+"/uploads/x", "")
	if status, text := h.ask(h.token, "PUT", s+"/uploads/x", "pixels", length, "6"); status != 200 || !strings.HasPrefix(text, streamed("pixels")) {
		t.Errorf("%d %s", status, text)
	}
}

// A connection that hangs is cut off by whoever asks how far the upload is; one
// that breaks is no end.
func TestStreamGoesOn(t *testing.T) {
	h := newHouse(t, sqlite(t))
	s, _ := h.three()
	content := strings.Repeat("0123456789abcdef", 1<<16)
	half := content[:len(content)/2]
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(2 * time.Minute)
	at := 0
	for _, broken := range []bool{false, true} {
		for began := at; at == began && at < len(half); {
			if time.Now().After(limit) {
				t.Fatal("nothing arrives")
			}
			c, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "PUT /worker/v1%s/uploads/x HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nUpload-Offset: %d\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
				s, h.token, at, len(half)-at, half[at:])
			if broken {
				c.Close()
			}
			_, text := h.ask(h.token, "POST", s+"/uploads/x", "")
			if n, err := fmt.Sscanf(text, `{"offset":%d}`, &at); n != 1 || err != nil {
				t.Fatalf("asked: %s", text)
			}
		}
	}
	if status, text := h.ask(h.token, "PUT", s+"/uploads/x", content[at:], offset, fmt.Sprint(at), length, fmt.Sprint(len(content))); status != 200 || !strings.HasPrefix(text, streamed(content)) {
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

// Uploads that are none are refused, and leave nothing behind.
func TestHostileStreams(t *testing.T) {
	each(t, func(h *house) {
		s, j := h.three()
		other := h.newToken("")
		rival := h.open(other, "rival")
		h.want(200, `{"offset":3}`, "PUT", s+"/uploads/mine", "pix")
		h.want(200, `{"offset":3}`, "PUT", s+"/uploads/measured", "pix", length, "9")
		before := h.everything()
		for _, c := range []struct {
			what, token, path, body string
			headers                 []string
			status                  int
			code                    settee.Code
		}{
			{"no token", "", s + "/uploads/x", "x", nil, 401, settee.CodeUnauthorized},
			{"another token's session", other, s + "/uploads/mine", "els", []string{offset, "3"}, 409, settee.CodeLeaseLost},
			{"a session without a job", other, rival + "/uploads/x", "x", nil, 409, settee.CodeLeaseLost},
			{"an id that is a path", h.token, s + "/uploads/..%2f..%2fx", "x", nil, 400, settee.CodeInvalid},
			{"an id that is long", h.token, s + "/uploads/" + strings.Repeat("x", 65), "x", nil, 400, settee.CodeInvalid},
			{"an id with a zero", h.token, s + "/uploads/x%00", "x", nil, 400, settee.CodeInvalid},
			{"an offset that is negative", h.token, s + "/uploads/mine", "x", []string{offset, "-1"}, 400, settee.CodeInvalid},
			{"an offset that is none", h.token, s + "/uploads/mine", "x", []string{offset, "1e3"}, 400, settee.CodeInvalid},
			{"an offset beyond numbers", h.token, s + "/uploads/mine", "x", []string{offset, "9223372036854775808"}, 400, settee.CodeInvalid},
			{"an offset beyond files", h.token, s + "/uploads/mine", "x", []string{offset, "9223372036854775807"}, 413, settee.CodeTooLarge},
			{"an offset beyond what is there", h.token, s + "/uploads/mine", "x", []string{offset, "4"}, 409, settee.CodeConflict},
			{"an offset before it", h.token, s + "/uploads/mine", "x", []string{offset, "2"}, 409, settee.CodeConflict},
			{"a length that is none", h.token, s + "/uploads/mine", "x", []string{offset, "3", length, "4.0"}, 400, settee.CodeInvalid},
			{"a length beyond files", h.token, s + "/uploads/mine", "x", []string{offset, "3", length, "68719476737"}, 413, settee.CodeTooLarge},
			{"bytes beyond the length", h.token, s + "/uploads/mine", "els", []string{offset, "3", length, "5"}, 400, settee.CodeInvalid},
			{"a length that is less than what is there", h.token, s + "/uploads/mine", "", []string{offset, "3", length, "2"}, 400, settee.CodeInvalid},
			{"another length", h.token, s + "/uploads/measured", "", []string{offset, "3", length, "8"}, 409, settee.CodeConflict},
		} {
			status, text := h.ask(c.token, "PUT", c.path, c.body, c.headers...)
			if status != c.status || !strings.HasPrefix(text, `{"code":"`+string(c.code)+`","message":"`) {
				t.Errorf("%s: %d %s, want %d %s", c.what, status, text, c.status, c.code)
			}
			if after := h.everything(); after != before {
				t.Fatalf("%s changed something:\n%s\nwas\n%s", c.what, after, before)
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), "PUT", h.url+"/worker/v1"+s+"/uploads/measured", io.MultiReader(strings.NewReader("0123456"))) // chunked
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", h.token)
		r.Header.Set(offset, "3")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); res.StatusCode != 400 || err != nil {
			t.Errorf("more bytes than were said: %d %s, %v", res.StatusCode, text, err)
		}
		h.want(200, `{"offset":3}`, "POST", s+"/uploads/mine", "")
		h.want(204, "", "DELETE", rival+"/uploads/mine", "", "X-API-Key", other)
		h.want(200, `{"offset":3}`, "POST", s+"/uploads/mine", "")
		for i := range 30 {
			h.want(200, `{"offset":1}`, "PUT", fmt.Sprint(s, "/uploads/", i), "x")
		}
		h.want(429, `{"code":"queue_full","message":"The session has 32 uploads already."}`, "PUT", s+"/uploads/more", "x")
		if after := h.everything(); after != before {
			t.Errorf("something changed:\n%s\nwas\n%s", after, before)
		}
		h.want(200, `{}`, "POST", j+"/finish", strings.Replace(success, `"told":2`, `"told":0`, 1))
		h.surface.Close() // waits for the store
		if after := h.files(); after != "" {
			t.Errorf("left behind: %s", after)
		}
	})
}
