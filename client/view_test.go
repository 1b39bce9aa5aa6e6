package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// The link of another origin is followed, and that origin sees no key, in no
// header and by no chain of redirects.
func TestViewDoesNotShowTheKeyToAnotherOrigin(t *testing.T) {
	seen := make(chan *http.Request, 4)
	var other *httptest.Server
	other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		if r.URL.Path == "/first" {
			http.Redirect(w, r, other.URL+"/second", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		io.WriteString(w, "bytes")
	}))
	defer other.Close()
	c := serve(t, map[string]http.HandlerFunc{"GET /api/view": func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-Key") != key {
			t.Error("the server itself did not see the key")
		}
		if got := r.URL.RawQuery; got != "filename=a+%26b.png&subfolder=x%2Fy&type=temp" {
			t.Errorf("query %s", got)
		}
		http.Redirect(w, r, other.URL+"/first", http.StatusFound)
	}})
	content, err := c.View(t.Context(), settee.File{Filename: "a &b.png", Subfolder: "x/y", Type: settee.Temp})
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	body, err := io.ReadAll(content)
	if err != nil || string(body) != "bytes" || content.MIME != "image/png" || content.Size != 5 {
		t.Errorf("%q %s %d %v", body, content.MIME, content.Size, err)
	}
	for range 2 {
		r := <-seen
		for name, values := range r.Header {
			for _, value := range values {
				if value == key {
					t.Errorf("%s of %s was the key", name, r.URL.Path)
				}
			}
		}
	}
}

func TestViewInlineAndOwnLink(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{
		"GET /api/view": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("filename") == "link.png" {
				http.Redirect(w, r, "/signed", http.StatusFound)
				return
			}
			answer(200, "inline")(w, r)
		},
		"GET /signed": answer(200, "linked"),
	})
	for name, want := range map[string]string{"link.png": "linked", "a.png": "inline"} {
		content, err := c.View(t.Context(), settee.File{Filename: name})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(content)
		content.Close()
		if string(body) != want {
			t.Errorf("%s is %q", name, body)
		}
	}
}

func TestUploadStreams(t *testing.T) {
	begun := make(chan struct{})
	var length int64
	type form struct{ name, subfolder, kind, overwrite, content string }
	var got form
	c := serve(t, map[string]http.HandlerFunc{"POST /api/upload/image": func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		parts, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		fields := map[string]string{}
		for {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			if part.FormName() == "image" {
				got.name = part.FileName()
				close(begun) // before any byte of the content was written
			}
			text, _ := io.ReadAll(part)
			fields[part.FormName()] = string(text)
		}
		got.subfolder, got.kind, got.overwrite, got.content = fields["subfolder"], fields["type"], fields["overwrite"], fields["image"]
		answer(200, `{"name":"cat (1).png","subfolder":"pets","type":"input"}`)(w, r)
	}})
	content, source := io.Pipe()
	go func() {
		<-begun
		io.WriteString(source, "meow")
		source.Close()
	}()
	uploaded, err := c.Upload(t.Context(), client.Upload{File: settee.File{Filename: "cat.png", Subfolder: "pets"}, Content: content})
	if err != nil {
		t.Fatal(err)
	}
	if want := (form{"cat.png", "pets", "input", "false", "meow"}); got != want {
		t.Errorf("got %+v", got)
	}
	if length != -1 {
		t.Errorf("length %d of content whose size nobody knew", length)
	}
	if r := uploaded.Reference(); r != "pets/cat (1).png" {
		t.Errorf("reference %q", r)
	}
	if r := (client.Uploaded{Filename: "a.png", Type: settee.Temp}).Reference(); r != "a.png [temp]" {
		t.Errorf("reference %q", r)
	}
}

func TestUploadOfKnownSize(t *testing.T) {
	var length int64
	c := serve(t, map[string]http.HandlerFunc{"POST /api/upload/image": func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		n, _ := io.Copy(io.Discard, r.Body)
		if n != length {
			t.Errorf("%d bytes came, %d were announced", n, length)
		}
		answer(200, `{"name":"cat.png"}`)(w, r)
	}})
	content, source := io.Pipe()
	go func() { io.WriteString(source, "meow"); source.Close() }()
	if _, err := c.Upload(t.Context(), client.Upload{File: settee.File{Filename: "cat.png"}, Content: content, Size: 4}); err != nil {
		t.Fatal(err)
	}
	if length <= 4 {
		t.Errorf("announced %d bytes", length)
	}
}
