package replay_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee/internal/recording"
)

// order of the recorded requests whose names do not tell it.
var order = []string{"prompt-get", "history-all", "history-first", "history-last-two", "history-middle", "history-negative-offset",
	"history-offset-only", "history-one", "history-delete", "history-after-delete", "history-clear", "history-after-clear",
	"upload-", "mask-", "view-", "settings-empty", "settings-set", "settings-set-one", "settings-get-one", "settings-all", "userdata-", "users"}

// headers are those that differ on purpose (docs/differences.md), by recording.
var headers = map[string]string{
	"view-02-webp":      "Content-Type",
	"view-08-jpeg-rgba": "Content-Type",
	"view-18-unicode":   "Content-Disposition",
	"view-19-html":      "Content-Disposition",
	"view-20-svg":       "Content-Type Content-Disposition",
}

// everyday are the recorded exchanges in the order in which they build on each
// other.
func everyday(t *testing.T) []recording.Exchange {
	all := slices.Clone(recording.Exchanges(t))
	place := func(x recording.Exchange) int {
		if i := slices.Index(order, x.Name); i >= 0 {
			return i
		}
		return slices.IndexFunc(order, func(o string) bool { return strings.HasSuffix(o, "-") && strings.HasPrefix(x.Name, o) })
	}
	for _, x := range all {
		if place(x) < 0 {
			t.Fatalf("%s has no place", x.Name)
		}
	}
	slices.SortStableFunc(all, func(a, b recording.Exchange) int { return place(a) - place(b) })
	return all
}

// Every recorded everyday request that goes to a path that is served.
func TestExchanges(t *testing.T) {
	for _, open := range []bool{true, false} {
		t.Run(mode(open), func(t *testing.T) {
			t.Parallel()
			s := serve(t, open, nil)
			s.upload("page.html", "input", []byte("<b>x</b>"))
			s.upload("pic.svg", "input", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"))
			s.past()
			for _, x := range everyday(t) {
				if why := s.unserved(x); why != "" {
					leave(why, x.Name)
					continue
				}
				t.Run(x.Name, func(t *testing.T) {
					as := *s
					as.T = t
					as.shown(x)
					a := as.same(x)
					if strings.HasPrefix(x.Name, "view-") && a.status < 400 {
						as.sameView(x, a)
					}
					if open {
						covered.exchanges.Add(1)
					}
				})
			}
		})
	}
}

// past runs the workflows that the recorded history shows.
func (s *server) past() {
	i := slices.IndexFunc(recording.Exchanges(s), func(x recording.Exchange) bool { return x.Name == "history-all" })
	for _, m := range parse(s.T, recording.Exchanges(s)[i].Body).Members() {
		item := m.Value.Get("prompt")
		body := fmt.Appendf(nil, `{"prompt_id":%q,"client_id":%s,"prompt":%s}`, m.Key, item.Index(3).Get("client_id").Raw(), item.Index(2).Raw())
		if a := s.ask(http.MethodPost, s.path("/prompt"), body); a.status != http.StatusOK {
			s.Fatalf("%d %s", a.status, a.body)
		}
	}
	s.idle()
}

// shown puts a recorded file where a recorded view looks for it, so that what
// is made of it compares.
func (s *server) shown(x recording.Exchange) {
	target, err := url.Parse(x.Request.Path)
	if err != nil {
		s.Fatal(err)
	}
	q := target.Query()
	if !strings.HasPrefix(x.Name, "view-") || x.Status != http.StatusOK || x.Body == nil || strings.Contains(target.RawQuery, "preview=") || q.Has("channel") || x.Request.Method == http.MethodHead {
		return
	}
	name, folder := q.Get("filename"), q.Get("type")
	if before, annotation, ok := strings.Cut(name, " ["); ok {
		name, folder = before, strings.TrimSuffix(annotation, "]")
	}
	if dir := q.Get("subfolder"); dir != "" {
		name = dir + "/" + name
	}
	s.upload(name, folder, x.Body)
}

// sameView compares a file that was fetched.
func (s *server) sameView(x recording.Exchange, a answer) {
	s.Helper()
	for _, name := range []string{"Content-Type", "Content-Disposition", "Accept-Ranges", "Content-Range"} {
		recorded, got := x.Header[name], a.header.Get(name)
		if x.Header[name] == "" || slices.Contains(strings.Fields(headers[x.Name]), name) || a.status == http.StatusNotModified {
			continue
		}
		if got != recorded {
			s.Errorf("%s is %q, recorded %q", name, got, recorded)
		}
	}
	switch {
	case x.Body == nil, x.Request.Method == http.MethodHead:
	case strings.Contains(x.Request.Path, "preview="):
		if len(a.body) == 0 {
			s.Error("an empty preview")
		}
	case strings.Contains(x.Request.Path, "channel="):
		if !bytes.Equal(decode(s.T, x.Body), decode(s.T, a.body)) {
			s.Error("pixels differ from the recorded ones")
		}
	case !bytes.Equal(x.Body, a.body):
		s.Errorf("got %d bytes, recorded %d others", len(a.body), len(x.Body))
	}
}

// numbers of prompts, and times, in a text of plain.
var passing = regexp.MustCompile(`prompt: \[\d+, |(modified|created): [0-9.]+`)

// text is an exchange's body to compare: objects by their keys in order, where
// that order means something.
func (s *server) text(x recording.Exchange, body []byte) string {
	v := parse(s.T, body)
	var keys []string
	if strings.HasPrefix(x.Name, "history-") {
		for _, m := range v.Members() {
			keys = append(keys, m.Key)
		}
	}
	return strings.Join(keys, " ") + passing.ReplaceAllString(plain(v), "#")
}
