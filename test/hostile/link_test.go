package hostile_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/secret"
	"github.com/settee/settee/test/process"
)

// Whoever changes a link, or keeps it too long, gets nothing.
func TestLinksThatWereChanged(t *testing.T) {
	t.Setenv("SETTEE_SECRET", process.Secret)
	h := enter(t)
	saved := h.uploaded(h.upload("mine.png", square(t, 2)))
	h.uploaded(h.upload("other.png", square(t, 3)))
	a := h.ask("GET", "/api/view?type=input&filename="+saved, nil)
	link, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != 302 {
		t.Fatalf("view: %v", a)
	}
	guest := *h
	guest.key = "" // a link needs no key
	open := func(u url.URL) answer { return guest.ask("GET", u.RequestURI(), nil) }
	if a := open(*link); a.status != 200 {
		t.Fatalf("the link itself: %v", a)
	}
	for name := range link.Query() {
		for what, change := range map[string]func(url.Values){
			"changed": func(q url.Values) { q.Set(name, q.Get(name)+"0") },
			"gone":    func(q url.Values) { q.Del(name) },
			"empty":   func(q url.Values) { q.Set(name, "") },
			"longer":  func(q url.Values) { q.Set(name, strings.Repeat("9", 10_000)) },
		} {
			u, q := *link, link.Query()
			change(q)
			u.RawQuery = q.Encode()
			h.refused(name+" "+what, open(u), 403)
		}
	}
	u := *link
	u.Path = asset.LinkPath + strings.Repeat("0", 64)
	h.refused("another file's bytes", open(u), 403)
	u.RawQuery = ""
	h.refused("no signature", open(u), 403)

	// One as this server would have made it two hours ago.
	root, err := secret.Parse(process.Secret)
	if err != nil {
		t.Fatal(err)
	}
	past := asset.New(nil, nil, asset.Options{Secret: root.Derive("links"), Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
	kept := settee.Asset{File: settee.File{Filename: saved}, Blob: settee.Blob{Hash: strings.TrimPrefix(link.Path, asset.LinkPath)}, MIME: "image/png"}
	made := func(s *asset.Service) url.URL {
		text, err := s.Link(t.Context(), h.URL, kept, asset.Attachment)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return *u
	}
	h.refused("an old link", open(made(past)), 403)
	if a := open(made(asset.New(nil, nil, asset.Options{Secret: root.Derive("links")}))); a.status != 200 {
		t.Errorf("a link made now: %v; so the old one proves nothing", a)
	}
	h.refused("a link under another secret", open(made(asset.New(nil, nil, asset.Options{Secret: []byte("guessed")}))), 403)
}
