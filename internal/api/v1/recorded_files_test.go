package v1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee/internal/recording"
)

// filesOtherwise are headers or statuses that differ on purpose, by recording.
var filesOtherwise = map[string]string{
	"view-02-webp":         "Content-Type", // no WebP encoder
	"view-08-jpeg-rgba":    "Content-Type", // as view-02
	"view-18-unicode":      "Content-Disposition",
	"view-19-html":         "Content-Disposition", // for saving only
	"view-20-svg":          "Content-Type Content-Disposition",
	"view-11-range-beyond": "Content-Type Content-Disposition", // a fault in JSON
}

// The recorded server's answers about files, on an open server: uploads, then
// masks, then what was uploaded, in the recorded order.
func TestRecordedFiles(t *testing.T) {
	s := newShelf(t, true)
	s.put("page.html", "<b>x</b>")
	s.put("pic.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
	sent := map[string]string{} // what each recorded upload sent, by name and place
	compared := 0
	for _, family := range []string{"upload-", "mask-", "view-"} {
		for _, x := range recording.Exchanges(t) {
			if !strings.HasPrefix(x.Name, family) {
				continue
			}
			compared++
			t.Run(x.Name, func(t *testing.T) {
				s.t = t
				a := s.replay(x)
				if x.Request.Parts != nil && a.status == 200 {
					sent[strings.TrimSpace(a.body)] = string(x.Request.Parts[0].Bytes())
				}
				compareFiles(t, x, a)
				if x.Name == "view-01-raw" && a.body != sent[`{"name":"api.png","subfolder":"","type":"input"}`] {
					t.Error("the bytes are not those that were uploaded")
				}
			})
		}
	}
	if compared < 30 {
		t.Errorf("only %d exchanges", compared)
	}
}

// Its refusals; where it broke (500) a fault says why.
func TestRecordedFileErrors(t *testing.T) {
	s := newShelf(t, true)
	s.put("note.txt", "hello")
	for _, name := range []string{"over.png", "big.png"} {
		content := recording.Part{Content: map[string]string{"over.png": "8x8 RGB PNG", "big.png": "20x20 RGB PNG"}[name]}
		s.put(name, string(content.Bytes()))
	}
	s.post("/upload/image", file("image", "x.png", "x"), plain("subfolder", "folder")).is(200, `{"name":"x.png","subfolder":"folder","type":"input"}`)
	compared := 0
	for _, x := range recording.Errors(t) {
		if strings.HasPrefix(x.Name, "view-metadata") || !strings.HasPrefix(x.Name, "view-") && !strings.HasPrefix(x.Name, "upload-") {
			continue
		}
		compared++
		t.Run(x.Name, func(t *testing.T) {
			s.t = t
			a := s.replay(x)
			compareFiles(t, x, a)
			if a.status != 200 && !strings.HasPrefix(a.body, `{"code":"`) {
				t.Errorf("a fault without an envelope: %s", a.body)
			}
		})
	}
	if compared < 24 {
		t.Errorf("only %d errors", compared)
	}
}

func (s *shelf) replay(x recording.Exchange) answer {
	var header []string
	for name, value := range x.Request.Header {
		if name == "If-None-Match" { // ETags are ours
			value = s.ask("HEAD", x.Request.Path, nil).header.Get("ETag")
		}
		header = append(header, name, value)
	}
	return s.ask(x.Request.Method, x.Request.Path, bytes.NewReader(x.Request.Body()), header...)
}

func compareFiles(t *testing.T, x recording.Exchange, a answer) {
	t.Helper()
	want := x.Status
	if want == http.StatusInternalServerError {
		want = http.StatusBadRequest
	}
	if a.status != want {
		t.Fatalf("got %d %s, want %d (recorded %d)", a.status, a.body, want, x.Status)
	}
	if a.status >= 400 && a.status != http.StatusRequestedRangeNotSatisfiable {
		return
	}
	for _, name := range []string{"Content-Type", "Content-Disposition", "Accept-Ranges"} {
		recorded, got := x.Header[name], a.header.Get(name)
		if recorded == "" || slices.Contains(strings.Fields(filesOtherwise[x.Name]), name) || a.status == http.StatusNotModified {
			continue
		}
		if got != recorded {
			t.Errorf("%s is %q, recorded %q", name, got, recorded)
		}
	}
	if strings.HasPrefix(x.Header["Content-Type"], "application/json") {
		var got, recorded any
		if err := errors.Join(json.Unmarshal([]byte(a.body), &got), json.Unmarshal(x.Body, &recorded)); err != nil || !reflect.DeepEqual(got, recorded) {
			t.Errorf("got  %s\nrecorded %s (%v)", a.body, x.Body, err)
		}
	}
}
