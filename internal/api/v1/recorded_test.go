package v1_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// ours are the paths whose recorded exchanges are compared here.
var ours = []string{"/prompt", "/queue", "/interrupt", "/free", "/history", "/models", "/object_info", "/no/such", "/users"}

// otherwise are recorded requests that are answered differently on purpose.
var otherwise = map[string]string{
	"get-free":           "ComfyUI's files answer 404 to a GET; the path has no such method",
	"get-interrupt":      "as get-free",
	"models-known-empty": "there are no model folders here",
	"file-absent-output": "the word for a missing file is the account's, tested with the workflow",
}

// The recorded server's answers, on an open server: what it accepted is
// accepted with the same body; what it refused is refused with the same words;
// where it broke (500) a fault says why, and what brought it down is refused.
func TestRecordedAnswers(t *testing.T) {
	compared, submits := 0, newHouse(t, true)
	for _, x := range slices.Concat(recording.Errors(t), recording.Exchanges(t)) {
		path, _, _ := strings.Cut(x.Request.Path, "?")
		if !slices.ContainsFunc(ours, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }) ||
			otherwise[x.Name] != "" || strings.HasPrefix(x.Name, "history-") && x.Status == 200 && len(x.Body) > 2 {
			continue
		}
		compared++
		t.Run(x.Name, func(t *testing.T) {
			h := submits
			if path != "/prompt" || x.Request.Method != "POST" {
				h = newHouse(t, true)
			}
			h.t = t
			var header []string
			for k, v := range x.Request.Header {
				header = append(header, k, v)
			}
			a := h.ask(x.Request.Method, x.Request.Path, string(x.Request.Body()), header...)
			want := x.Status
			switch {
			case x.Alive != nil && *x.Alive && !x.Ended && a.status == 400: // accepted there, and failed when it ran
				want = 400
			case want == 500 || x.Ended || x.Alive != nil && !*x.Alive:
				want = 400
			}
			if a.status != want {
				t.Fatalf("got %d %s, want %d (recorded %d %s)", a.status, a.body, want, x.Status, x.Body)
			}
			for _, name := range []string{"Allow"} {
				if x.Header[name] != "" && strings.ReplaceAll(a.header.Get(name), " ", "") != x.Header[name] {
					t.Errorf("%s is %q, recorded %q", name, a.header.Get(name), x.Header[name])
				}
			}
			switch {
			case want != 200 && path == "/prompt" && x.Status == 400:
				if got, recorded := telling(t, []byte(a.body)), telling(t, x.Body); got != recorded {
					t.Errorf("got  %s\nrecorded %s", got, recorded)
				}
			case want != 200:
				var fault struct{ Code, Message string }
				if err := json.Unmarshal([]byte(a.body), &fault); err != nil || fault.Code == "" || fault.Message == "" {
					t.Errorf("got %s, %v", a.body, err)
				}
			case path == "/prompt" && x.Request.Method == "POST":
				if got, recorded := telling(t, []byte(a.body)), telling(t, x.Body); got != recorded {
					t.Errorf("got  %s\nrecorded %s", got, recorded)
				}
			default:
				same(t, a.body, x.Body)
			}
		})
	}
	if compared < 100 {
		t.Errorf("compared %d exchanges only", compared)
	}
}

// telling is what must be equal of an answer to a submit: the error, and which
// nodes have errors of which types.
func telling(t *testing.T, body []byte) string {
	t.Helper()
	root, err := pyjson.Parse(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	lines := []string{"error " + root.Get("error").Get("type").Text() + ": " + root.Get("error").Get("message").Text()}
	for _, node := range root.Get("node_errors").Members() {
		for e := range node.Value.Get("errors").Items() {
			lines = append(lines, "node "+node.Key+": "+e.Get("type").Text()+" "+e.Get("details").Text())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// same compares bodies as JSON, order and kinds of numbers included.
func same(t *testing.T, got string, recorded []byte) {
	t.Helper()
	if len(recorded) == 0 && got == "" {
		return
	}
	a, err := pyjson.Parse([]byte(got))
	if err != nil {
		t.Fatalf("%v in %q", err, got)
	}
	b, err := pyjson.Parse(recorded)
	if err != nil {
		t.Fatalf("%v in %q", err, recorded)
	}
	if !bytes.Equal(pyjson.Dump(a), pyjson.Dump(b)) {
		t.Errorf("got  %s\nrecorded %s", got, recorded)
	}
}
