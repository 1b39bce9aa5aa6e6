package replay_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// describer is the native engine that says it knows the recorded server's
// classes too, so that workflows with any of them can be judged.
type describer struct{ *native.Engine }

func (d describer) Describe(ctx context.Context) (settee.Description, error) {
	about, err := d.Engine.Describe(ctx)
	if err != nil {
		return about, err
	}
	own, err := pyjson.Parse(about.Definitions)
	if err != nil {
		return about, err
	}
	recorded, err := pyjson.Parse(recording.ObjectInfo())
	if err != nil {
		return about, err
	}
	all := bytes.TrimSuffix(bytes.TrimSpace(bytes.Clone(about.Definitions)), []byte("}"))
	for _, m := range recorded.Members() {
		if own.Get(m.Key).Kind == pyjson.Absent {
			all = fmt.Appendf(all, ",%q:%s", m.Key, m.Value.Raw())
		}
	}
	about.Definitions = append(all, '}')
	return about, nil
}

// refused are recorded requests that ComfyUI accepts and cannot serve: here
// they are refused.
var refused = map[string]bool{
	"poison-client-id-list": true, "poison-client-id-object": true, "poison-extra-data-list": true, "poison-extra-data-null": true,
	"poison-extra-data-string": true, "poison-extra-pnginfo-list": true, "poison-number-nan": true,
	"poison-unreachable-inputs-null": true, "poison-unreachable-without-inputs": true,
}

// statuses are those that differ on purpose (docs/differences.md).
var statuses = map[string]int{
	"get-free":      http.StatusMethodNotAllowed,
	"get-interrupt": http.StatusMethodNotAllowed,
}

// apart are recorded errors that are not replayed.
var apart = map[string]string{"models-known-empty": "native workers have no model folders"}

// withKeys are recorded requests that say something else to an account.
var withKeys = map[string]string{
	"prompt-id-null-accepted":   "with keys a prompt_id is a UUID",
	"prompt-id-number-accepted": "with keys a prompt_id is a UUID",
	"prompt-id-text-accepted":   "with keys a prompt_id is a UUID",
	"origin-other-host":         "pages of other origins may ask with a key",
}

// Every recorded refusal and odd request that goes to a path that is served.
func TestErrors(t *testing.T) {
	for _, open := range []bool{true, false} {
		t.Run(mode(open), func(t *testing.T) {
			t.Parallel()
			s := serve(t, open, describer{native.New(native.Options{})})
			s.upload("note.txt", "input", []byte("hello"))
			s.upload("over.png", "input", recording.Part{Content: "8x8 RGB PNG"}.Bytes())
			s.upload("big.png", "input", recording.Part{Content: "20x20 RGB PNG"}.Bytes())
			s.upload("folder/x.png", "input", []byte("x"))
			for _, x := range recording.Errors(t) {
				if why := cmp.Or(apart[x.Name], s.unserved(x)); why != "" {
					leave(why, x.Name)
					continue
				}
				if !open && withKeys[x.Name] != "" {
					continue
				}
				t.Run(x.Name, func(t *testing.T) {
					as := *s
					as.T = t
					as.same(x)
					if open {
						covered.errors.Add(1)
					}
				})
			}
			// Whatever was sent, the server still works.
			s.idle()
			a := s.ask(http.MethodPost, s.path("/prompt"), []byte(`{"prompt":{"1":{"class_type":"PreviewAny","inputs":{"source":"alive"}}}}`))
			s.idle()
			id := parse(t, a.body).Get("prompt_id").Text()
			if got := string(s.ask(http.MethodGet, s.path("/history/"+id), nil).body); !strings.Contains(got, `"alive"`) {
				t.Errorf("after all that, a workflow gives %s", got)
			}
		})
	}
}

func mode(open bool) string {
	if open {
		return "open"
	}
	return "keys"
}

// families that are not served yet.
var families = []string{"/settings", "/userdata", "/v2/userdata", "/view_metadata", "/models"}

// unserved says why a request is left out: its path is not served. A path that
// has come to be served is replayed by itself.
func (s *server) unserved(x recording.Exchange) string {
	path, _, _ := strings.Cut(x.Request.Path, "?")
	if !slices.ContainsFunc(families, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") }) {
		return ""
	}
	a := s.ask(x.Request.Method, s.path(x.Request.Path), x.Request.Body())
	if a.status == http.StatusNotImplemented || bytes.Contains(a.body, []byte(nowhere)) {
		return "path not served yet"
	}
	return ""
}

// nowhere is what a path without a route answers.
const nowhere = "There is nothing at this path."

// send sends a recorded request.
func (s *server) send(x recording.Exchange) answer {
	target := s.path(strings.TrimPrefix(x.Request.Path, "/api"))
	if strings.HasPrefix(x.Request.Path, "/api") {
		target = x.Request.Path
	}
	var header []string
	for name, value := range x.Request.Header {
		if name == "If-None-Match" { // ETags are ours
			value = s.ask(http.MethodHead, target, nil).header.Get("ETag")
		}
		header = append(header, name, value)
	}
	return s.ask(x.Request.Method, target, x.Request.Body(), header...)
}

// same sends a recorded request and compares the answer. Where ComfyUI broke,
// or would have, a fault must say why.
func (s *server) same(x recording.Exchange) answer {
	s.Helper()
	a := s.send(x)
	want := x.Status
	switch {
	case want == http.StatusInternalServerError, refused[x.Name]:
		want = http.StatusBadRequest
	case statuses[x.Name] != 0:
		want = statuses[x.Name]
	}
	if a.status != want {
		s.Errorf("got %d %.300s\nwant %d, recorded %d %.300s", a.status, a.body, want, x.Status, x.Body)
		return a
	}
	submit := x.Request.Method == http.MethodPost && strings.TrimPrefix(x.Request.Path, "/api") == "/prompt"
	if want >= 400 {
		s.fault(a, submit)
	}
	if allow := x.Header["Allow"]; allow != "" && strings.ReplaceAll(a.header.Get("Allow"), " ", "") != allow {
		s.Errorf("Allow is %q, recorded %q", a.header.Get("Allow"), allow)
	}
	if x.Status != want || x.Status >= 400 && !submit {
		return a
	}
	switch kind := x.Header["Content-Type"]; {
	case submit:
		s.sameVerdict(x, a)
	case strings.HasPrefix(kind, "application/json"):
		if a.header.Get("Content-Type") != kind {
			s.Errorf("Content-Type is %q, recorded %q", a.header.Get("Content-Type"), kind)
		}
		if got, recorded := s.text(x, a.body), s.text(x, x.Body); got != recorded {
			s.Errorf("got      %s\nrecorded %s", got, recorded)
		}
	case x.Header["Content-Length"] == "0" && (s.open || !bytes.HasPrefix(a.body, []byte(`{"deleted":`))):
		if len(a.body) > 0 || a.header.Get("Content-Type") != "" {
			s.Errorf("got %s %q, recorded nothing", a.header.Get("Content-Type"), a.body)
		}
	}
	return a
}

// fault checks the envelope of an error: code and message, and on a submit
// ComfyUI's error and node_errors beside them.
func (s *server) fault(a answer, submit bool) {
	s.Helper()
	if len(a.body) == 0 && a.header.Get("Content-Length") == "0" {
		return // HEAD
	}
	v := parse(s.T, a.body)
	if v.Get("code").Text() == "" || v.Get("message").Text() == "" {
		s.Errorf("no code and message in %s", a.body)
	}
	if !submit {
		return
	}
	for _, key := range []string{"type", "message", "details"} {
		if e := v.Get("error").Get(key); e.Kind != pyjson.String || e.Text() == "" && key != "details" {
			s.Errorf("error has no %s in %s", key, a.body)
		}
	}
	if v.Get("error").Get("extra_info").Kind != pyjson.Object || v.Get("node_errors").Kind != pyjson.Object {
		s.Errorf("no extra_info or node_errors in %s", a.body)
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// sameVerdict compares the answer to a submit: the error and the nodes' errors
// in full, those of one node in any order.
func (s *server) sameVerdict(x recording.Exchange, a answer) {
	s.Helper()
	got, want := parse(s.T, a.body), parse(s.T, x.Body)
	if g, w := verdict(got), verdict(want); g != w {
		s.Errorf("got      %s\nrecorded %s", g, w)
	}
	if x.Status != http.StatusOK {
		return
	}
	id := got.Get("prompt_id").Text()
	if asked := parse(s.T, x.Request.Body()).Get("prompt_id"); asked.Kind > pyjson.Null {
		if id != want.Get("prompt_id").Text() {
			s.Errorf("prompt_id %q, recorded %q", id, want.Get("prompt_id").Text())
		}
	} else if !uuid.MatchString(id) {
		s.Errorf("prompt_id %q is no UUID", id)
	}
	if got.Get("number").Kind != want.Get("number").Kind {
		s.Errorf("number %s, recorded %s", pyjson.Repr(got.Get("number")), pyjson.Repr(want.Get("number")))
	}
}

func verdict(v pyjson.Value) string {
	lines := strings.Split(v.Get("error").Get("details").Text(), "\n")
	slices.Sort(lines)
	all := []string{write(v.Get("error").Get("type")), write(v.Get("error").Get("message")), strings.Join(lines, "|"), write(v.Get("error").Get("extra_info"))}
	for _, node := range v.Get("node_errors").Members() {
		var errors []string
		for e := range node.Value.Get("errors").Items() {
			errors = append(errors, untipped.ReplaceAllString(write(e), ""))
		}
		slices.Sort(errors)
		all = append(all, fmt.Sprintf("node %s %s %s: %s", node.Key, node.Value.Get("class_type").Text(), set(node.Value.Get("dependent_outputs")), strings.Join(errors, "; ")))
	}
	slices.Sort(all[4:])
	return strings.Join(all, "\n")
}

// untipped are tooltips: words of their own.
var untipped = regexp.MustCompile(`(, )?tooltip: '[^']*'|(, )?tooltip: "[^"]*"`)

// Workflows of native nodes are judged the same by the native definitions alone.
func TestErrorsOfNativeNodes(t *testing.T) {
	t.Parallel()
	s := serve(t, true, nil)
	known := node.All()
	judged := 0
	for _, x := range recording.Errors(t) {
		if x.Request.Method != http.MethodPost || x.Request.Path != "/prompt" || x.Status == 500 || refused[x.Name] {
			continue
		}
		foreign := false
		v, err := pyjson.Parse(x.Request.Body())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range v.Get("prompt").Members() {
			name := m.Value.Get("class_type").Text()
			foreign = foreign || !slices.ContainsFunc(known, func(c node.Class) bool { return c.Name == name }) && name != "NoSuchNode" && name != ""
		}
		if foreign {
			continue
		}
		judged++
		t.Run(x.Name, func(t *testing.T) {
			as := *s
			as.T = t
			as.same(x)
		})
	}
	if judged < 60 {
		t.Errorf("only %d workflows", judged)
	}
}
