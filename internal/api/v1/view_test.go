package v1_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/engine"
)

// blake3 of "hello".
const helloHash = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"

// headers are those of an answer, name: value, sorted, without the request's id.
func (a answer) headers() string {
	var all []string
	for name, values := range a.header {
		if name != "X-Request-Id" {
			all = append(all, name+": "+strings.Join(values, "|"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func (a answer) hasHeaders(lines ...string) {
	a.t.Helper()
	if got, want := a.headers(), strings.Join(lines, "\n"); got != want {
		a.t.Errorf("headers:\n%s\nwant:\n%s", got, want)
	}
}

func TestViewWithoutThePrefixIsInline(t *testing.T) {
	s := newShelf(t, false)
	s.put("hello.txt", "hello")
	a := s.get("/view?filename=hello.txt&type=input")
	if a.status != 200 || a.body != "hello" {
		t.Errorf("got %d %q", a.status, a.body)
	}
	a.hasHeaders("Accept-Ranges: bytes", "Cache-Control: private, no-cache", `Content-Disposition: filename="hello.txt"`, "Content-Length: 5",
		"Content-Type: text/plain", `Etag: "`+helloHash+`"`, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT", "X-Content-Type-Options: nosniff")

	head := s.ask("HEAD", "/view?filename=hello.txt&type=input", nil)
	if head.status != 200 || head.body != "" || head.headers() != a.headers() {
		t.Errorf("HEAD: %d %q\n%s", head.status, head.body, head.headers())
	}
	for _, target := range []string{"/view?filename=hello.txt%20%5Binput%5D", "/view?filename=blake3:" + helloHash,
		"/view?filename=blake3%3A" + helloHash + "&type=temp", "/view?filename=x/y/hello.txt&type=input&subfolder=./"} {
		if a := s.get(target); a.status != 200 || a.body != "hello" {
			t.Errorf("%s: %d %q", target, a.status, a.body)
		}
	}
	if a := s.get("/view?filename=hello.txt&type=input&disposition=attachment"); a.header.Get("Content-Disposition") != `attachment; filename="hello.txt"` {
		t.Errorf("attachment: %s", a.headers())
	}
}

// At the size up to which a file lies in the database, and one byte beyond, it is
// served alike: whole, in ranges, by its hash, through a link.
func TestFilesAroundTheLimitOfSmallOnes(t *testing.T) {
	s := newShelf(t, false)
	for _, size := range []int{engine.MaxSmall, engine.MaxSmall + 1} {
		content := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		hash, name := engine.BytesOf([]byte(content)).Hash, fmt.Sprint(size, ".txt")
		s.put(name, content)
		s.put(name, content)
		view := "/view?filename=" + name + "&type=input"
		for _, target := range []string{view, "/view?filename=blake3:" + hash, s.get("/api" + view).header.Get("Location")} {
			if a := s.get(target); a.status != 200 || a.body != content || a.header.Get("Content-Length") != fmt.Sprint(size) || a.header.Get("Etag") != `"`+hash+`"` {
				t.Errorf("%s: %d, %d bytes\n%s", target, a.status, len(a.body), a.headers())
			}
			if a := s.ask("HEAD", target, nil); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != fmt.Sprint(size) {
				t.Errorf("HEAD %s: %d, %d bytes\n%s", target, a.status, len(a.body), a.headers())
			}
			last := fmt.Sprintf("bytes %d-%d/%d", size-10, size-1, size)
			if a := s.get(target, "Range", "bytes=-10"); a.status != 206 || a.body != content[size-10:] || a.header.Get("Content-Range") != last {
				t.Errorf("%s: the end: %d %q\n%s", target, a.status, a.body, a.headers())
			}
			if a := s.get(target, "Range", fmt.Sprintf("bytes=%d-", size)); a.status != 416 {
				t.Errorf("%s: beyond the end: %d", target, a.status)
			}
			if a := s.get(target, "If-None-Match", `"`+hash+`"`); a.status != 304 || a.body != "" {
				t.Errorf("%s: known: %d %q", target, a.status, a.body)
			}
		}
		if a := s.get(view, "X-API-Key", "key-b"); a.status != 404 {
			t.Errorf("another account's %s: %d", name, a.status)
		}
	}
	if files, err := filepath.Glob(filepath.Join(s.blobs, "*", "*")); err != nil || len(files) != 1 || len(s.stored()) != 2 {
		t.Errorf("%d files of %d, %v", len(files), len(s.stored()), err)
	}
}

func TestRangesAndConditions(t *testing.T) {
	s := newShelf(t, false)
	s.put("hello.txt", "hello")
	const target = "/view?filename=hello.txt&type=input"
	for _, c := range []struct {
		header, value string
		status        int
		body          string
		rest          []string
	}{
		{"Range", "bytes=1-3", 206, "ell", []string{"Content-Range", "bytes 1-3/5", "Content-Length", "3", "Content-Type", "text/plain"}},
		{"Range", "bytes=-2", 206, "lo", []string{"Content-Range", "bytes 3-4/5"}},
		{"Range", "bytes=2-", 206, "llo", []string{"Content-Range", "bytes 2-4/5"}},
		{"Range", "bytes=9-", 416, `{"code":"invalid_request","message":"The file has no such range."}`,
			[]string{"Content-Range", "bytes */5", "Content-Type", "application/json; charset=utf-8", "Content-Disposition", ""}},
		{"If-None-Match", `"` + helloHash + `"`, 304, "", []string{"Etag", `"` + helloHash + `"`}},
		{"If-None-Match", `W/"` + helloHash + `"`, 304, "", nil},
		{"If-None-Match", `"other"`, 200, "hello", nil},
		{"If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT", 304, "", nil},
		{"If-Modified-Since", "Wed, 31 Dec 2025 23:59:59 GMT", 200, "hello", nil},
	} {
		a := s.get(target, c.header, c.value)
		if a.status != c.status || a.body != c.body {
			t.Errorf("%s: %s: %d %q", c.header, c.value, a.status, a.body)
		}
		for i := 0; i < len(c.rest); i += 2 {
			if got := a.header.Get(c.rest[i]); got != c.rest[i+1] {
				t.Errorf("%s: %s: %s is %q, want %q", c.header, c.value, c.rest[i], got, c.rest[i+1])
			}
		}
	}
	if a := s.get(target, "Range", "bytes=0-1", "If-Range", `"other"`); a.status != 200 || a.body != "hello" {
		t.Errorf("If-Range of other bytes: %d %q", a.status, a.body)
	}
}

func TestViewUnderThePrefixIsALink(t *testing.T) {
	s := newShelf(t, false)
	s.put("hello.txt", "hello")
	a := s.get("http://settee.example:8080/api/view?filename=hello.txt&subfolder=&type=input")
	link := a.header.Get("Location")
	if a.status != 302 || a.body != "" || !strings.HasPrefix(link, "http://settee.example:8080/files/"+helloHash+"?") {
		t.Fatalf("%d to %s", a.status, link)
	}
	a.hasHeaders("Cache-Control: no-store", "Content-Length: 0", "Location: "+link)

	// It needs no key, and no other host.
	path := strings.TrimPrefix(link, "http://settee.example:8080")
	f := s.get(path, "X-API-Key", "")
	if f.status != 200 || f.body != "hello" {
		t.Errorf("got %d %q", f.status, f.body)
	}
	f.hasHeaders("Accept-Ranges: bytes", "Cache-Control: private, immutable, max-age=3600", `Content-Disposition: filename="hello.txt"`,
		"Content-Length: 5", "Content-Type: text/plain", `Etag: "`+helloHash+`"`, "X-Content-Type-Options: nosniff")
	if f := s.get(path, "X-API-Key", "", "Range", "bytes=0-0"); f.status != 206 || f.body != "h" {
		t.Errorf("a range: %d %q", f.status, f.body)
	}
	if f := s.ask("HEAD", path, nil, "X-API-Key", ""); f.status != 200 || f.body != "" || f.header.Get("Content-Length") != "5" {
		t.Errorf("HEAD: %d %q", f.status, f.body)
	}
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ name, value string }{{"filename", "x.html"}, {"type", "text/html"}, {"expires", "99999999999"}, {"signature", ""}} {
		q := u.Query()
		q.Set(change.name, change.value)
		s.get(u.Path+"?"+q.Encode(), "X-API-Key", "").is(403, `{"code":"forbidden","message":"The link's signature does not fit."}`)
	}
	s.get("/files/"+helloHash, "X-API-Key", "key-a").is(403, `{"code":"forbidden","message":"The link's signature does not fit."}`)
	s.clock.advance(time.Hour)
	s.get(path, "X-API-Key", "").is(403, `{"code":"forbidden","message":"The link has expired."}`)
}

func TestALinkNamesTheHostThatTheClientKnows(t *testing.T) {
	s := newShelf(t, false)
	s.put("hello.txt", "hello")
	const target = "http://inner:1/api/view?filename=hello.txt&type=input"
	forwarded := []string{"X-Forwarded-Proto", "https, http", "X-Forwarded-Host", "settee.example, inner:1"}
	begins := func(want string, header ...string) {
		t.Helper()
		if got := s.get(target, header...).header.Get("Location"); !strings.HasPrefix(got, want+"/files/") {
			t.Errorf("link %s, want it to begin with %s", got, want)
		}
	}
	begins("http://inner:1", forwarded...)
	s.api.TrustProxy = true
	begins("https://settee.example", forwarded...)
	begins("http://inner:1", "X-Forwarded-Proto", "javascript", "X-Forwarded-Host", "evil/path")
	begins("http://inner:1")
}

func TestAnOpenServerViewsInline(t *testing.T) {
	s := newShelf(t, true)
	s.put("hello.txt", "hello")
	for _, target := range []string{"/view", "/api/view"} {
		if a := s.get(target+"?filename=hello.txt&type=input", "X-API-Key", ""); a.status != 200 || a.body != "hello" {
			t.Errorf("%s: %d %q", target, a.status, a.body)
		}
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	s := newShelf(t, false)
	s.put("hello.txt", "hello")
	for _, prefix := range []string{"", "/api"} {
		for query, want := range map[string]struct {
			status int
			body   string
		}{
			"":                                  {404, `{"code":"not_found","message":"The parameter filename says which file."}`},
			"?filename=":                        {400, `{"code":"invalid_request","message":"The file has no name."}`},
			"?filename=absent.png":              {404, `{"code":"not_found","message":"There is no such file."}`},
			"?filename=hello.txt":               {404, `{"code":"not_found","message":"There is no such file."}`},
			"?filename=/etc/hostname":           {400, `{"code":"invalid_request","message":"The file name leaves its folder."}`},
			"?filename=../x":                    {400, `{"code":"invalid_request","message":"The file name leaves its folder."}`},
			"?filename=x&subfolder=../..":       {403, `{"code":"forbidden","message":"The subfolder leaves its folder."}`},
			"?filename=x&type=models":           {400, `{"code":"invalid_request","message":"The type must be input, output or temp."}`},
			"?filename=x%00":                    {400, `{"code":"invalid_request","message":"The file name has characters that no name can have."}`},
			"?filename=x&res=big":               {400, `{"code":"invalid_request","message":"The parameter res cannot be read."}`},
			"?filename=blake3:" + helloHash[1:]: {404, `{"code":"not_found","message":"There is no such file."}`},
		} {
			s.get(prefix+"/view"+query).is(want.status, want.body)
		}
	}
	// Another account's files look the same as none.
	for _, name := range []string{"hello.txt", "blake3:" + helloHash} {
		for _, prefix := range []string{"", "/api"} {
			s.get(prefix+"/view?type=input&filename="+name, "X-API-Key", "key-b").is(404, `{"code":"not_found","message":"There is no such file."}`)
		}
	}
	s.get("/view?filename=hello.txt&type=input", "X-API-Key", "").is(401, `{"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`)
}

func TestWhatABrowserWouldRunIsForSaving(t *testing.T) {
	s := newShelf(t, false)
	for _, name := range []string{"page.html", "page.xhtml", "pic.svg", "code.js", "style.css", "data.xml", "noext", "x.bin"} {
		s.put(name, "<b>"+name+"</b>")
		a := s.get("/view?type=input&filename=" + name)
		if a.status != 200 || a.body != "<b>"+name+"</b>" || a.header.Get("Content-Type") != "application/octet-stream" ||
			a.header.Get("Content-Disposition") != `attachment; filename="`+name+`"` || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d\n%s", name, a.status, a.headers())
		}
		link := s.get("/api/view?type=input&filename=" + name).header.Get("Location")
		f := s.get(strings.TrimPrefix(link, "http://127.0.0.1:8188"), "X-API-Key", "")
		if f.status != 200 || f.header.Get("Content-Type") != "application/octet-stream" || f.header.Get("Content-Disposition") != `attachment; filename="`+name+`"` {
			t.Errorf("%s: %d\n%s", link, f.status, f.headers())
		}
	}
	a := s.get("/view?type=input&filename=pic.svg", "Sec-Fetch-Dest", "image")
	if a.header.Get("Content-Type") != "image/svg+xml" || a.header.Get("Vary") != "Sec-Fetch-Dest" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("an SVG in a page: %s", a.headers())
	}
	if a := s.get("/view?type=input&filename=page.html", "Sec-Fetch-Dest", "image"); a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a page as a picture: %s", a.headers())
	}
}

func TestNamesInContentDisposition(t *testing.T) {
	s := newShelf(t, false)
	for name, want := range map[string]string{
		"katze ä 写.txt":   `filename="katze _ _.txt"; filename*=UTF-8''katze%20%C3%A4%20%E5%86%99.txt`,
		`say "hi" +1.txt`: `filename="say \"hi\" +1.txt"`,
	} {
		if a := s.post("/upload/image", file("image", name, "x")); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if got := s.get("/view?type=input&filename=" + url.QueryEscape(name)).header.Get("Content-Disposition"); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
