package asset_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// links is a service that only makes and checks links.
func links(t *testing.T, now *time.Time, secret string, former ...string) *asset.Service {
	t.Helper()
	opt := asset.Options{Now: func() time.Time { return *now }, Secret: []byte(secret)}
	for _, f := range former {
		opt.Former = append(opt.Former, []byte(f))
	}
	return asset.New(nil, noLinks{}, opt)
}

var picture = settee.Asset{
	File: file("output", "a", "kätze & co.png"), MIME: "image/png", Blob: settee.Blob{Hash: hash, Size: 5},
}

func link(t *testing.T, s *asset.Service, a settee.Asset, disposition string) *url.URL {
	t.Helper()
	text, err := s.Link(t.Context(), "https://settee.example", a, disposition)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestALinkSaysWhatItServes(t *testing.T) {
	now := begin
	s := links(t, &now, "secret")
	u := link(t, s, picture, asset.Inline)
	if got := u.Scheme + "://" + u.Host + u.Path; got != "https://settee.example/files/"+hash {
		t.Errorf("link to %s", got)
	}
	g, err := s.VerifyLink(u)
	want := asset.Grant{Hash: hash, Filename: "kätze & co.png", MIME: "image/png", Disposition: "inline",
		Expires: time.Date(2026, 1, 2, 4, 15, 0, 0, time.UTC)}
	if err != nil || g != want {
		t.Errorf("grants %+v, %v", g, err)
	}
	now = now.Add(5 * time.Minute)
	if again := link(t, s, picture, asset.Inline); again.String() != u.String() {
		t.Errorf("five minutes later: %s", again)
	}
	if g, err := s.VerifyLink(link(t, s, picture, asset.Attachment)); err != nil || g.Disposition != asset.Attachment {
		t.Errorf("grants %+v, %v", g, err)
	}
	page := picture
	page.MIME = "text/html"
	if g, err := s.VerifyLink(link(t, s, page, asset.Inline)); err != nil || g.Disposition != asset.Attachment {
		t.Errorf("a page: grants %+v, %v", g, err)
	}
}

func TestALinkExpires(t *testing.T) {
	now := begin
	s := links(t, &now, "secret")
	u := link(t, s, picture, asset.Inline)
	g, err := s.VerifyLink(u)
	if err != nil || g.Expires.Sub(now) < time.Hour || g.Expires.Sub(now) > 75*time.Minute {
		t.Fatalf("expires %v after %v, %v", g.Expires, now, err)
	}
	now = g.Expires.Add(-time.Microsecond)
	if _, err := s.VerifyLink(u); err != nil {
		t.Errorf("just before: %v", err)
	}
	now = g.Expires
	if _, err := s.VerifyLink(u); settee.CodeOf(err) != settee.CodeForbidden || err.Error() != "The link has expired." {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAChangedLinkIsRefused(t *testing.T) {
	now := begin
	s := links(t, &now, "secret")
	whole := link(t, s, picture, asset.Inline)
	refused := func(what string, u *url.URL) {
		t.Helper()
		if g, err := s.VerifyLink(u); settee.CodeOf(err) != settee.CodeForbidden || g != (asset.Grant{}) {
			t.Errorf("%s: %+v, %v", what, g, err)
		}
	}
	for field := range whole.Query() {
		for _, change := range []func(string) string{
			func(string) string { return "" },
			func(v string) string { return v + "x" },
			func(v string) string { return v[:len(v)-1] },
			func(v string) string { return string(v[0]^1) + v[1:] },
			func(v string) string { return v[:len(v)-1] + string(v[len(v)-1]^1) },
		} {
			u, q := *whole, whole.Query()
			q.Set(field, change(q.Get(field)))
			u.RawQuery = q.Encode()
			refused(field+"="+q.Get(field), &u)
		}
		u, q := *whole, whole.Query()
		q.Del(field)
		u.RawQuery = q.Encode()
		refused("no "+field, &u)
	}
	u := *whole
	u.Path = "/files/" + strings.Repeat("0", 64)
	refused("another hash", &u)

	// Bytes may not move from one field to the next.
	u, q := *whole, whole.Query()
	q.Set("filename", q.Get("filename")+"i")
	q.Set("type", q.Get("type")[1:])
	u.RawQuery = q.Encode()
	refused("moved", &u)

	later := *whole
	q = whole.Query()
	q.Set("expires", "99999999999")
	later.RawQuery = q.Encode()
	refused("longer", &later)
}

func TestSecretsOfLinks(t *testing.T) {
	now := begin
	old, fresh := links(t, &now, "old"), links(t, &now, "new", "old")
	before, after := link(t, old, picture, asset.Inline), link(t, fresh, picture, asset.Inline)
	if _, err := fresh.VerifyLink(before); err != nil {
		t.Errorf("a link of the former secret: %v", err)
	}
	if _, err := old.VerifyLink(after); settee.CodeOf(err) != settee.CodeForbidden {
		t.Errorf("a link of another secret: %v", err)
	}
	if before.Query().Get("key") == after.Query().Get("key") {
		t.Error("two secrets have one key id")
	}
}
