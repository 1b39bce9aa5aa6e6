package asset_test

import (
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
)

const hash = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"

func file(typ settee.FileType, subfolder, filename string) settee.File {
	return settee.File{Filename: filename, Subfolder: subfolder, Type: typ}
}

func TestNewNames(t *testing.T) {
	long := strings.Repeat("x", asset.MaxPart)
	for _, c := range []struct {
		filename, subfolder, typ string
		want                     settee.File
	}{
		{"cat.png", "", "", file("input", "", "cat.png")},
		{"cat.png", "", "output", file("output", "", "cat.png")},
		{"cat.png [temp]", "a", "input", file("temp", "a", "cat.png")},
		{"cat.png[temp]", "", "", file("input", "", "cat.png[temp]")},
		{"dir/cat.png", "a", "", file("input", "a/dir", "cat.png")},
		{`dir\cat.png`, `a\b`, "", file("input", "a/b/dir", "cat.png")},
		{"cat.png", "a//./b/", "", file("input", "a/b", "cat.png")},
		{"cat.png", "a/../b", "", file("input", "b", "cat.png")},
		{"cat.png", ".", "", file("input", "", "cat.png")},
		{"photo..png", "", "", file("input", "", "photo..png")},
		{".hidden", "", "", file("input", "", ".hidden")},
		{"katze ä 写.png", "", "", file("input", "", "katze ä 写.png")},
		{"10:00:01.png", "", "", file("input", "", "10:00:01.png")},
		{"console.png", "", "", file("input", "", "console.png")},
		{"com10.png", "", "", file("input", "", "com10.png")},
		{"commit.png", "", "", file("input", "", "commit.png")},
		{"noext", "", "", file("input", "", "noext")},
		{long, long, "", file("input", long, long)},
	} {
		if got, err := asset.ParseName(c.filename, c.subfolder, c.typ); err != nil || got != c.want {
			t.Errorf("ParseName(%q, %q, %q) = %+v, %v", c.filename, c.subfolder, c.typ, got, err)
		}
	}
}

func TestHostileNames(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", ""}, {".", "", ""}, {"..", "", ""}, {"/", "", ""}, {"dir/", "", ""}, {" [temp]", "", ""},
		{"../x.png", "", ""}, {"../../x.png", "", ""}, {"a/../../x.png", "", ""}, {`..\x.png`, "", ""}, {"..", "a", ""},
		{"x.png", "..", ""}, {"x.png", "../../up", ""}, {"x.png", "a/../..", ""}, {"x.png", `..\..`, ""}, {"x.png", "/", ""},
		{"/etc/hostname", "", ""}, {"x.png", "/etc", ""}, {"x.png", "//server/share", ""},
		{`C:\x.png`, "", ""}, {"C:x.png", "", ""}, {"c:/x.png", "", ""}, {"x.png", "C:", ""}, {`\\server\share\x.png`, "", ""}, {`\\?\C:\x.png`, "", ""},
		{"x\x00.png", "", ""}, {"x.png", "a\x00b", ""}, {"x\n.png", "", ""}, {"x\x7f.png", "", ""}, {"x\xff.png", "", ""}, {"x.png", "\xc3", ""},
		{"CON", "", ""}, {"con.png", "", ""}, {"Nul.tar.gz", "", ""}, {"aux .txt", "", ""}, {"COM1.png", "", ""}, {"lpt9", "", ""}, {"com¹.x", "", ""},
		{"CONIN$", "", ""}, {"nul:x.png", "", ""}, {"x.png", "a/prn/b", ""},
		{"x.", "", ""}, {"x ", "", ""}, {"x.png", "a. /b", ""}, {"x.png", "a./b", ""},
		{strings.Repeat("x", asset.MaxPart+1), "", ""}, {"x.png", strings.Repeat("y", asset.MaxPart+1), ""}, {"x.png", strings.Repeat("y/", 600), ""},
		{"blake3:" + hash, "", ""},
		{"x.png", "", "models"}, {"x.png", "", "INPUT"}, {"x.png", "", "../input"},
	} {
		if got, err := asset.ParseName(c[0], c[1], c[2]); settee.CodeOf(err) != settee.CodeInvalid {
			t.Errorf("ParseName(%q, %q, %q) = %+v, %v", c[0], c[1], c[2], got, err)
		}
	}
}

func TestNamesToLookFor(t *testing.T) {
	for _, c := range []struct {
		filename, subfolder, typ string
		want                     settee.File
		code                     settee.Code
	}{
		{"cat.png", "", "", file("output", "", "cat.png"), ""},
		{"cat.png [input]", "", "temp", file("input", "", "cat.png"), ""},
		{"a/b/cat.png", "sub/", "temp", file("temp", "sub", "cat.png"), ""},
		{`a\b_00001_.png`, "CON", "", file("output", "CON", `a\b_00001_.png`), ""}, // an output may be called so
		{"%date:yyyy%_00001_.png", "a ", "", file("output", "a ", "%date:yyyy%_00001_.png"), ""},
		{"blake3:" + hash, "", "input", file("input", "", "blake3:"+hash), ""},
		{"", "", "", settee.File{}, settee.CodeInvalid},
		{".", "", "", settee.File{}, settee.CodeInvalid},
		{"a/", "", "", settee.File{}, settee.CodeInvalid},
		{"/etc/hostname", "", "", settee.File{}, settee.CodeInvalid},
		{"../../etc/hostname", "", "", settee.File{}, settee.CodeInvalid},
		{"a..b.png", "", "", settee.File{}, settee.CodeInvalid},
		{"x\x00.png", "", "", settee.File{}, settee.CodeInvalid},
		{"x.png", "\xff", "", settee.File{}, settee.CodeInvalid},
		{"x.png", "", "models", settee.File{}, settee.CodeInvalid},
		{"x.png", "../..", "", settee.File{}, settee.CodeForbidden},
		{"x.png", "a/../../b", "", settee.File{}, settee.CodeForbidden},
		{"x.png", "/etc", "", settee.File{}, settee.CodeForbidden},
	} {
		got, err := asset.ReadName(c.filename, c.subfolder, c.typ)
		if settee.CodeOf(err) != c.code || (err == nil && got != c.want) {
			t.Errorf("ReadName(%q, %q, %q) = %+v, %v", c.filename, c.subfolder, c.typ, got, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		want string
	}{
		{"cat.png", 0, "cat.png"},
		{"cat.png", 1, "cat (1).png"},
		{"cat.tar.gz", 12, "cat.tar (12).gz"},
		{"noext", 2, "noext (2)"},
		{".hidden", 1, ".hidden (1)"},
		{"...x.png", 1, "...x (1).png"},
		{"cat (1).png", 1, "cat (1) (1).png"},
	} {
		if got := asset.Numbered(c.name, c.n); got != c.want {
			t.Errorf("Numbered(%q, %d) = %q, want %q", c.name, c.n, got, c.want)
		}
		if n, ok := asset.Number(c.want, c.name); !ok || n != c.n {
			t.Errorf("Number(%q, %q) = %d, %v, want %d", c.want, c.name, n, ok, c.n)
		}
	}
	for _, name := range []string{"cat (0).png", "cat (01).png", "cat (x).png", "cat (1).jpg", "dog (1).png", "cat(1).png", "cat (1) (1).png", "1"} {
		if n, ok := asset.Number(name, "cat.png"); ok {
			t.Errorf("Number(%q) = %d", name, n)
		}
	}
}

func TestWhatABrowserMayBeHanded(t *testing.T) {
	for name, want := range map[string]string{
		"a.PNG": "image/png", "a.jpeg": "image/jpeg", "a.webp": "image/webp", "a.mp4": "video/mp4", "a.flac": "audio/flac",
		"a.txt": "text/plain", "a.glb": "model/gltf-binary", "a.html": "text/html", "a.svg": "image/svg+xml",
		"noext": asset.Unknown, "a.safetensors": asset.Unknown,
	} {
		if got := asset.MIME(name); got != want {
			t.Errorf("MIME(%q) = %q, want %q", name, got, want)
		}
	}
	for _, m := range []string{"image/png", "video/mp4", "audio/flac", "text/plain; charset=utf-8", "application/json", "IMAGE/JPEG"} {
		if !asset.Harmless(m) {
			t.Errorf("%s is not harmless", m)
		}
	}
	for _, m := range []string{"text/html", "text/html; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "Image/SVG+XML", "text/xml",
		"application/xml", "application/rss+xml", "text/javascript", "application/javascript", "text/css", "message/rfc822",
		"application/octet-stream", "application/x-shockwave-flash", "image/", "image", "", "multipart/mixed"} {
		if asset.Harmless(m) {
			t.Errorf("%q is harmless", m)
		}
	}
}
