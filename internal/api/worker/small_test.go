package worker_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// four is a session of version 4 that runs job p and has told its start; its path
// and the job's.
func (h *house) four() (session, running string) {
	h.Helper()
	status, text := h.ask(h.token, "POST", "/sessions", strings.Replace(hello, `"max":1`, `"max":4`, 1))
	_, rest, _ := strings.Cut(text, `"session":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if session = "/sessions/" + id; status != 201 {
		h.Fatalf("open: %d %s", status, text)
	}
	h.submit("p", "gpu")
	running = h.claim(h.token, session)
	h.want(200, `{"told":1,"watched":false}`, "POST", running+"/report", `{"batch":1,"frames":[`+start+`]}`)
	h.heard()
	return session, running
}

// carried is an execute's body for a new file that goes along; said is what it is
// said to be.
func carried(number int, content, said string) string {
	return saved(number, said, "", `,"small":"`+base64.StdEncoding.EncodeToString([]byte(content))+`"`)
}

func (h *house) reads(content string) {
	h.Helper()
	f, err := h.assets.Open(h.Context(), hashOf(content))
	if err != nil {
		h.Errorf("%d bytes: %v", len(content), err)
		return
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != content {
		h.Errorf("%d bytes read as %d others, %v", len(content), len(got), err)
	}
}

// Small files go along with their output or the ending from version 4 on, letter by
// letter: no upload, no receipt.
func TestSmallFilesOfVersionFour(t *testing.T) {
	each(t, func(h *house) {
		_, j := h.four()
		full := strings.Repeat("\x00\xff", engine.MaxSmall/2)
		body := carried(2, "pixels", "pixels")
		for range 2 { // the answer may be lost
			h.want(200, `{"told":2,"watched":false,"output":{"images":[{"filename":"cat_00001_.png","subfolder":"","type":"output"}]}}`, "POST", j+"/execute", body)
		}
		body = ended(2, carried(0, "", ""), carried(0, full, full))
		for range 2 {
			h.want(200, `{"outputs":[{"images":[{"filename":"cat_00002_.png","subfolder":"","type":"output"}]},{"images":[{"filename":"cat_00003_.png","subfolder":"","type":"output"}]}]}`,
				"POST", j+"/finish", body)
		}
		for _, content := range []string{"pixels", "", full} {
			h.reads(content)
		}
		if files := h.files(); strings.Contains(files, "/") || len(strings.Fields(files)) != 3 {
			t.Errorf("kept as %s", files)
		}
	})
}

// Bytes that are not what they are said to be are kept nowhere, whatever receipt is
// shown with them, and so are those of a lost attempt.
func TestHostileSmallFiles(t *testing.T) {
	each(t, func(h *house) {
		theirs, err := h.assets.Upload(t.Context(), "b", upload("secret.png", "another account's"))
		if err != nil {
			t.Fatal(err)
		}
		s, j := h.four()
		large := strings.Repeat("x", engine.MaxSmall+1)
		receipt := h.put(s, large)
		with := func(body, hash, receipt string) string {
			return strings.Replace(body, `"receipts":{`, fmt.Sprintf(`"receipts":{%q:%q,`, hash, receipt), 1)
		}
		whole := strings.Repeat("y", engine.MaxSmall)
		_, entry, _ := strings.Cut(carried(2, whole, whole), `"entries":[`)
		entry, _, _ = strings.Cut(entry, `]}]`)
		many := strings.Replace(carried(2, whole, whole), entry, strings.Repeat(entry+",", engine.MaxTogether/engine.MaxSmall)+entry, 1)
		before := h.everything()
		for what, c := range map[string]struct {
			body   string
			status int
			code   settee.Code
		}{
			"another hash":                        {carried(2, "pixels", "pixelz"), 400, settee.CodeInvalid},
			"another size":                        {strings.Replace(carried(2, "pixels", "pixels"), `"Size":6`, `"Size":7`, 1), 400, settee.CodeInvalid},
			"no size":                             {strings.Replace(carried(2, "pixels", "pixels"), `,"Size":6`, ``, 1), 400, settee.CodeInvalid},
			"nothing for something":               {carried(2, "", "pixels"), 400, settee.CodeInvalid},
			"too large":                           {carried(2, large, large), 413, settee.CodeTooLarge},
			"too large, with its receipt":         {with(carried(2, large, large), hashOf(large), receipt), 413, settee.CodeTooLarge},
			"other bytes under a receipt":         {with(carried(2, "pixels", large), hashOf(large), receipt), 400, settee.CodeInvalid},
			"another's hash, with a receipt":      {strings.ReplaceAll(with(carried(2, "pixels", large), hashOf(large), receipt), hashOf(large), theirs.Blob.Hash), 400, settee.CodeInvalid},
			"another's hash, without bytes":       {strings.Replace(carried(2, "", "another account's"), `"small":""`, `"small":null`, 1), 400, settee.CodeInvalid},
			"no bytes at all":                     {strings.Replace(carried(2, "pixels", "pixels"), `"small":"`, `"small":"!`, 1), 400, settee.CodeInvalid},
			"more of them than an output carries": {many, 413, settee.CodeTooLarge},
		} {
			last := ended(1, c.body)
			for path, body := range map[string]string{"/execute": c.body, "/finish": last} {
				status, text := h.ask(h.token, "POST", j+path, body)
				if status != c.status || !strings.HasPrefix(text, `{"code":"`+string(c.code)+`","message":"`) {
					t.Errorf("%s, %s: %d %.300s, want %d %s", what, path, status, text, c.status, c.code)
				}
				if after := h.everything(); after != before {
					t.Fatalf("%s, %s changed something:\n%s\nwas\n%s", what, path, after, before)
				}
			}
		}
		if got := h.heard(); got != "" {
			t.Errorf("heard %s", got)
		}
		h.want(200, `{}`, "POST", j+"/finish", `{"told":1,"state":"pending","reason":"drained"}`)
		before = h.everything()
		h.want(409, over, "POST", j+"/execute", carried(2, "pixels", "pixels"))
		h.want(409, over, "POST", j+"/finish", ended(1, carried(0, "pixels", "pixels")))
		if after := h.everything(); after != before {
			t.Errorf("a lost attempt changed\n%s\nto\n%s", before, after)
		}
	})
}
