package hostile_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPathsThatAreNotThere(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		for _, path := range []string{
			"/nothing", "/api/nothing", "/api", "/api/", "/api/prompt/", "/API/prompt", "/api//prompt", "/api/./prompt",
			"/api/../prompt/../../etc/passwd", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/%00", "/%ff%fe",
			"/files/", "/files/../settee.db", "/files/%2e%2e%2fsettee.db", "/server.json", "/settee.db", "/.git/config", "/secret",
			"/api/jobs/..%2f..%2fadmin%2fkeys", "/" + strings.Repeat("a", 30_000), "/" + strings.Repeat("a/", 10_000), "/cgi-bin/test.cgi", "/debug/pprof/", "/debug/vars",
		} {
			a := h.ask("GET", path, nil)
			if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusMethodNotAllowed {
				h.refused(path, a, a.status)
				continue
			}
			h.refused(path, a, 400, 404)
		}
	})
}

func TestMethodsThatPathsHaveNot(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		for path, methods := range map[string][]string{
			h.api + "/prompt":                   {"PUT", "DELETE", "PATCH"},
			h.api + "/queue":                    {"PUT", "DELETE"},
			h.api + "/history":                  {"PUT", "DELETE"},
			h.api + "/upload/image":             {"GET", "PUT", "DELETE"},
			h.api + "/view":                     {"POST", "PUT", "DELETE"},
			h.api + "/object_info":              {"POST", "DELETE"},
			"/api/jobs":                         {"PUT", "DELETE"},
			h.api + "/interrupt":                {"GET", "DELETE"},
			"/files/" + strings.Repeat("a", 64): {"POST", "DELETE"},
		} {
			for _, method := range methods {
				a := h.ask(method, path, nil)
				h.refused(method+" "+path, a, 405)
				if a.header.Get("Allow") == "" {
					t.Errorf("%s %s: no Allow", method, path)
				}
			}
		}
		for _, method := range []string{"TRACE", "CONNECTX", "BREW", "get"} {
			a := h.ask(method, h.api+"/queue", nil)
			h.refused(method, a, 400, 405, 501)
			if strings.Contains(string(a.body), "X-Api-Key") {
				t.Errorf("%s echoes the request", method)
			}
		}
	})
}

// Requests that are none are answered with 400 or not at all.
func TestRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	h := enter(t)
	for _, raw := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
		"GET //api/prompt HTTP/1.1\r\nHost: x\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",                             // no Host
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",       // two
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",                // a wrong one
		"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", // blanks in a name
		"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",       // NUL in a value
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzzz\r\n",
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"GET /" + strings.Repeat("a", 200_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 200_000) + "\r\n\r\n",
	} {
		conn := h.dial()
		go fmt.Fprint(conn, raw) // the server may hang up before it has all
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			io.Copy(io.Discard, res.Body)
			if res.StatusCode < 400 || res.StatusCode == 500 {
				t.Errorf("%.60q: answered %d", raw, res.StatusCode)
			}
		}
		conn.Close()
	}
}
