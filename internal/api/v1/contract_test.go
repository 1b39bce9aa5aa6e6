package v1_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// operation is one of openapi.yaml.
type operation struct {
	method, path string
	public       bool
}

// operations reads the document by its lines, which are laid out alike.
func operations(t *testing.T) []operation {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	paths, _, _ := strings.Cut(string(text), "\ncomponents:")
	var all []operation
	path := ""
	for _, line := range strings.Split(paths, "\n") {
		switch {
		case strings.HasPrefix(line, "  /"):
			path = strings.Trim(line, " :")
		case regexp.MustCompile(`^    (get|post|put|patch|delete|head):$`).MatchString(line):
			all = append(all, operation{method: strings.ToUpper(strings.Trim(line, " :")), path: path})
		case line == "      security: []":
			all[len(all)-1].public = true
		}
	}
	return all
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// Every operation of the document is routed under both prefixes, asks for a key
// unless the document says otherwise, and is served or says that it is not.
func TestEveryOperation(t *testing.T) {
	h := newHouse(t, false)
	const keyless = "An API key is needed, in the header X-API-Key."
	all := operations(t)
	if len(all) < 80 {
		t.Fatalf("found %d operations", len(all))
	}
	unserved := 0
	for _, o := range all {
		target := parameter.ReplaceAllString(o.path, "1")
		a := h.send(o.method, target, "")
		if denied := a.status == http.StatusUnauthorized; denied == o.public || denied && o.method != http.MethodHead && !strings.Contains(a.body, keyless) {
			t.Errorf("%s %s without a key: %d %s", o.method, o.path, a.status, a.body)
		}
		a = h.ask(o.method, target, "")
		if a.status == http.StatusMethodNotAllowed || a.status == http.StatusUnauthorized || a.status == http.StatusInternalServerError ||
			strings.Contains(a.body, "There is nothing at this path.") {
			t.Errorf("%s %s with a key: %d %s", o.method, o.path, a.status, a.body)
		}
		if a.status == http.StatusNotImplemented {
			unserved++
			a.is(501, `{"code":"not_implemented","message":"This server does not serve that yet."}`)
		}
		bare := h.ask(o.method, strings.TrimPrefix(target, "/api"), "")
		prefixed := regexp.MustCompile(`^/api/(jobs|assets|tags|tasks|workflows|workspaces|billing|auth)(/|$)`).MatchString(o.path)
		if gone := bare.status == http.StatusNotFound && strings.Contains(bare.body, "There is nothing at this path.") || bare.status == http.StatusMethodNotAllowed; o.method != http.MethodHead && gone != prefixed {
			t.Errorf("%s %s without the prefix: %d %s", o.method, o.path, bare.status, bare.body)
		}
	}
	if unserved == 0 || unserved > 45 {
		t.Errorf("%d of %d operations are not served", unserved, len(all))
	}
}

// What the cloud's contract has, this one has.
func TestTheCloudsOperations(t *testing.T) {
	have := map[string]bool{}
	for _, o := range operations(t) {
		have[o.method+" "+o.path] = true
	}
	for _, want := range []string{
		"POST /api/prompt", "GET /api/prompt", "GET /api/object_info", "GET /api/features", "GET /api/workflow_templates",
		"GET /api/global_subgraphs", "GET /api/global_subgraphs/{id}", "GET /api/experiment/models", "GET /api/experiment/models/{folder}",
		"GET /api/experiment/models/preview/{folder}/{path_index}/{filename}", "POST /api/history", "GET /api/history_v2",
		"GET /api/history_v2/{prompt_id}", "GET /api/jobs", "GET /api/jobs/{job_id}", "GET /api/view", "GET /api/files/mask-layers",
		"GET /api/assets", "POST /api/assets", "POST /api/assets/from-hash", "GET /api/assets/remote-metadata", "POST /api/assets/download",
		"GET /api/assets/{id}", "PUT /api/assets/{id}", "DELETE /api/assets/{id}", "POST /api/assets/{id}/tags", "DELETE /api/assets/{id}/tags",
		"GET /api/tags", "GET /api/assets/tags/refine", "HEAD /api/assets/hash/{hash}", "GET /api/queue", "POST /api/queue", "POST /api/interrupt",
		"GET /api/userdata", "GET /api/userdata/{file}", "POST /api/userdata/{file}", "DELETE /api/userdata/{file}", "POST /api/upload/image",
		"POST /api/upload/mask", "GET /api/system_stats", "GET /api/user", "GET /api/job/{job_id}/status",
	} {
		if !have[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// An escaped slash stays within its segment.
func TestEscapedSegments(t *testing.T) {
	h := newHouse(t, false)
	for _, target := range []string{"/api/userdata/workflows%2Fmy%20flow.json", "/userdata/workflows%2Fa.json/move/workflows%2Fb.json"} {
		method := "GET"
		if strings.Contains(target, "/move/") {
			method = "POST"
		}
		if a := h.ask(method, target, ""); a.status == http.StatusNotFound && strings.Contains(a.body, "There is nothing at this path.") || a.status == 405 {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	open := newHouse(t, true)
	open.submit("50% a/b", "")
	var all map[string]any
	l := open.claim()
	open.succeed(l)
	open.ask("GET", "/history/50%25%20a%2Fb", "").into(&all)
	if _, ok := all["50% a/b"]; !ok {
		t.Errorf("got %v", all)
	}
}
