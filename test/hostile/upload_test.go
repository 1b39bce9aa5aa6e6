package hostile_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// square is a small PNG.
func square(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUploadsThatAreNone(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		path := h.api + "/upload/image"
		const form = "multipart/form-data; boundary=b"
		part := func(head, body string) string { return "--b\r\n" + head + "\r\n\r\n" + body + "\r\n" }
		file := part(`Content-Disposition: form-data; name="image"; filename="a.png"`, "bytes")
		for name, c := range map[string]struct{ kind, body string }{
			"no form":                {"application/json", `{"image":"x"}`},
			"no boundary":            {"multipart/form-data", file + "--b--\r\n"},
			"another boundary":       {"multipart/form-data; boundary=c", file + "--b--\r\n"},
			"an endless boundary":    {"multipart/form-data; boundary=" + strings.Repeat("b", 60_000), "x"},
			"nothing":                {form, ""},
			"no file":                {form, part(`Content-Disposition: form-data; name="type"`, "input") + "--b--\r\n"},
			"a field and no file":    {form, part(`Content-Disposition: form-data; name="image"`, "bytes") + "--b--\r\n"},
			"a file with no name":    {form, part(`Content-Disposition: form-data; name="image"; filename=""`, "x") + "--b--\r\n"},
			"no end":                 {form, file},
			"a field of 1 MB":        {form, part(`Content-Disposition: form-data; name="subfolder"`, strings.Repeat("x", 1<<20)) + file + "--b--\r\n"},
			"5,000 parts":            {form, strings.Repeat(part(`Content-Disposition: form-data; name="x"`, ""), 5000) + file + "--b--\r\n"},
			"a head of 1 MB":         {form, part("X: "+strings.Repeat("x", 1<<20), "") + "--b--\r\n"},
			"a wrong type":           {form, part(`Content-Disposition: form-data; name="type"`, "etc") + file + "--b--\r\n"},
			"an empty type":          {form, part(`Content-Disposition: form-data; name="type"`, "") + file + "--b--\r\n"},
			"a form without a break": {form, "--b" + strings.Repeat("-", 1<<20)},
		} {
			h.refused(name, h.ask("POST", path, strings.NewReader(c.body), "Content-Type", c.kind), 400, 413)
		}
		for _, bad := range []string{"", "x", "null", `{"filename":1}`, `{"filename":""}`, "[]", strings.Repeat("[", 50_000)} {
			h.refused(fmt.Sprintf("original_ref %.20q", bad), h.send(h.api+"/upload/mask", "m.png", square(t, 2), "original_ref", bad), 400)
		}
	})
}

// An upload that is cut off leaves no file, and one that is too large is
// refused before it is taken.
func TestUploadsCutOff(t *testing.T) {
	h := enter(t, "--max-upload", "1MiB")
	head := func(length int) string {
		return fmt.Sprintf("POST /api/upload/image HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n", h.key, length)
	}
	const part = "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"cut.png\"\r\n\r\n"
	conn := h.dial()
	fmt.Fprint(conn, head(1000)+part+"half of it")
	conn.Close()
	h.refused("cut.png", h.ask("GET", "/view?type=input&filename=cut.png", nil), 404)

	h.refused("too large, and says so", h.say(head(2<<20), strings.NewReader(part)), 413)
	h.refused("too large, and does not say so", h.ask("POST", "/api/upload/image",
		io.MultiReader(strings.NewReader(part), io.LimitReader(zeros{}, 2<<20)), "Content-Type", "multipart/form-data; boundary=b"), 413)
	h.refused("cut.png", h.ask("GET", "/view?type=input&filename=cut.png", nil), 404)
}

// Names that mean another place, or nothing, on some system are refused, and
// never reach the disk as they are.
func TestNamesThatLeadAway(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		content := square(t, 2)
		for _, name := range []string{
			"../x.png", "../../../../etc/cron.d/x", "a/../../x.png", "/etc/passwd", "/x.png", `..\x.png`, `C:\x.png`, "C:x.png", `\\server\share\x.png`,
			"x.png/", "..", ".", "a/..", "nul", "NUL.png", "CON", "com1.txt", "LPT¹.png", "x.png.", "x.png ", "con/x.png", "a\x01.png", "a\x7f.png",
			strings.Repeat("a", 300) + ".png", strings.Repeat("a/", 2000) + "x.png", "blake3:" + strings.Repeat("a", 64), "\xff.png",
			"/proc/self/environ", "~/../x/../../y", "x.png\x00.txt",
		} {
			h.refused(fmt.Sprintf("upload %.40q", name), h.upload(name, content), 400)
			if strings.ContainsAny(name, "\x00\x01") || strings.HasPrefix(name, "blake3") || strings.HasSuffix(name, "/") {
				continue
			}
			h.refused(fmt.Sprintf("mask %.40q", name), h.send(h.api+"/upload/mask", name, content, "original_ref", `{"filename":"x.png"}`), 400)
		}
		for _, folder := range []string{"..", "../x", "/etc", `..\..`, `C:\`, "a/../../b", "nul", "a/nul/b", "a\x00b", "\xff"} {
			h.refused(fmt.Sprintf("subfolder %q", folder), h.upload("x.png", content, "subfolder", folder), 400)
		}
		for _, name := range []string{"../settee.db", "/etc/passwd", "..", "a/../../../etc/passwd", "\x00", "x\x00.png", "\xff", ".", "", `..\settee.db`} {
			for _, path := range []string{"/view", "/api/view"} {
				a := h.ask("GET", path+"?"+url.Values{"filename": {name}, "type": {"input"}}.Encode(), nil)
				h.refused(fmt.Sprintf("%s %q", path, name), a, 400, 403, 404)
			}
		}
		for _, folder := range []string{"..", "../..", "/etc", "a/../../..", "\x00", "\xff"} {
			a := h.ask("GET", "/view?"+url.Values{"filename": {"passwd"}, "subfolder": {folder}}.Encode(), nil)
			h.refused(fmt.Sprintf("subfolder %q", folder), a, 400, 403, 404)
		}
		for _, ref := range []string{"../../etc/passwd", "/etc/passwd", `C:\x.png`, "x\\u0000.png", "../x.png [output]", "x.png [etc]", "no.png"} {
			a := h.post(`{"prompt":` + strings.ReplaceAll(h.loaded("REF"), "REF", ref) + `}`)
			h.refused("load "+ref, a, 400)
		}
		for _, prefix := range []string{"../../x", "/etc/x", "a/../../../x", `..\\..\\x`} {
			a := h.post(`{"prompt":` + strings.ReplaceAll(h.picture(1), "hostile", prefix) + `}`)
			if a.status == http.StatusOK {
				continue // ComfyUI raises when it saves; what was saved is judged below
			}
			h.refused("prefix "+prefix, a, 400)
		}
		for _, strange := range []string{"a b.png", "ü.png", "名前.png", `q"uote.png`, "semi;colon.png", "per%2e%2ecent.png", "-rf.png", ".hidden.png", "new\tline.png"} {
			a := h.upload(strange, content)
			if a.status != http.StatusOK {
				h.refused(fmt.Sprintf("upload %q", strange), a, 400)
				continue
			}
			got := h.ask("GET", "/view?"+url.Values{"filename": {h.uploaded(a)}, "type": {"input"}}.Encode(), nil)
			if got.status != http.StatusOK || !bytes.Equal(got.body, content) {
				t.Errorf("%q came back as %v", strange, got)
			}
		}
	})
}

// What a browser would run is handed out for saving only.
func TestScriptsAreForSaving(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		script := []byte(`<html><script>alert(1)</script></html>`)
		for _, name := range []string{"a.html", "a.htm", "a.xhtml", "a.svg", "a.xml", "a.js", "a.mjs", "a.css", "a.HTML", "a.png.html", "a.shtml", "a.hta", "a.swf", "a", "a.unknown", "a.mht"} {
			saved := h.uploaded(h.upload(name, script))
			for _, path := range []string{"/view", "/api/view"} {
				for _, more := range []string{"", "&disposition=inline"} {
					a := h.ask("GET", path+"?"+url.Values{"filename": {saved}, "type": {"input"}}.Encode()+more, nil)
					if a.status == http.StatusFound {
						a = h.ask("GET", strings.TrimPrefix(a.header.Get("Location"), h.URL), nil)
					}
					kind, how := a.header.Get("Content-Type"), a.header.Get("Content-Disposition")
					if a.status != 200 || !strings.HasPrefix(how, "attachment") || a.header.Get("X-Content-Type-Options") != "nosniff" ||
						strings.Contains(kind, "html") || strings.Contains(kind, "svg") || strings.Contains(kind, "script") {
						t.Errorf("%s of %s: %d %q %q", path, name, a.status, kind, how)
					}
				}
			}
		}
		// A name that lies is not believed by browsers either.
		saved := h.uploaded(h.upload("liar.png", script))
		a := h.ask("GET", "/view?type=input&filename="+saved, nil)
		if a.header.Get("Content-Type") != "image/png" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("a page called PNG: %v", a.header)
		}
		h.refused("a page as a picture", h.ask("GET", "/view?type=input&channel=rgb&filename="+saved, nil), 400)
		h.job(h.loaded(saved), "failed")
	})
}
