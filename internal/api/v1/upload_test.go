package v1_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// crc is a PNG chunk's checksum.
func crc(chunk string) string {
	return string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(chunk))))
}

func TestUploads(t *testing.T) {
	s := newShelf(t, false)
	for _, c := range []struct {
		fields []field
		want   string
	}{
		{[]field{file("image", "cat.png", "1")}, `{"name":"cat.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "cat.png", "1")}, `{"name":"cat.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "cat.png", "2")}, `{"name":"cat (1).png","subfolder":"","type":"input"}`},
		{[]field{file("image", "cat.png", "3"), plain("overwrite", "false")}, `{"name":"cat (2).png","subfolder":"","type":"input"}`},
		{[]field{plain("overwrite", "true"), file("image", "cat.png", "4")}, `{"name":"cat.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "cat.png", "5"), plain("overwrite", "1")}, `{"name":"cat.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "cat.png", "6"), plain("overwrite", "yes")}, `{"name":"cat (3).png","subfolder":"","type":"input"}`},
		{[]field{plain("type", "temp"), plain("subfolder", "a/b/"), file("image", "cat.png", "7")}, `{"name":"cat.png","subfolder":"a/b","type":"temp"}`},
		{[]field{file("image", "cat.png", "8"), plain("subfolder", "a"), plain("type", "output"), plain("other", "x"), file("mask", "x", "y")}, `{"name":"cat.png","subfolder":"a","type":"output"}`},
		{[]field{file("image", "first.png", "1"), file("image", "second.png", "2")}, `{"name":"first.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "katze ä 写.png", "9")}, `{"name":"katze ä 写.png","subfolder":"","type":"input"}`},
		{[]field{file("image", "empty.bin", "")}, `{"name":"empty.bin","subfolder":"","type":"input"}`},
		{[]field{file("image", "dir/x.png [temp]", "1")}, `{"name":"x.png","subfolder":"dir","type":"temp"}`},
	} {
		s.post("/api/upload/image", c.fields...).is(200, c.want)
	}
	for query, want := range map[string]string{
		"cat.png&type=input": "5", "cat (2).png&type=input": "3", "cat (3).png&type=input": "6", "cat.png&type=temp&subfolder=a/b": "7",
		"cat.png&subfolder=a": "8", "first.png&type=input": "1", "empty.bin&type=input": "",
	} {
		if a := s.get("/view?filename=" + strings.ReplaceAll(query, " ", "%20")); a.status != 200 || a.body != want {
			t.Errorf("%s: %d %q, want %q", query, a.status, a.body, want)
		}
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	s := newShelf(t, false)
	const leaves, kind = "The file name leaves its folder.", "The type must be input, output or temp."
	many := make([]field, 70)
	for i := range many {
		many[i] = plain(fmt.Sprint(i), "")
	}
	for _, c := range []struct {
		fields  []field
		status  int
		message string
	}{
		{[]field{plain("other", "x")}, 400, "The form has no file named image."},
		{nil, 400, "The form has no file named image."},
		{[]field{plain("image", "text")}, 400, "The part image must be a file."},
		{[]field{file("image", "", "")}, 400, "The file has no name."},
		{[]field{file("image", "../../x.png", "x")}, 400, leaves},
		{[]field{file("image", "/etc/x.png", "x")}, 400, leaves},
		{[]field{file("image", `..\x.png`, "x")}, 400, leaves},
		{[]field{file("image", "nul.png", "x")}, 400, "Not every system can have a file of that name."},
		{[]field{file("image", "x.png", "x"), plain("subfolder", "../../up")}, 400, leaves},
		{[]field{plain("subfolder", "/abs"), file("image", "x.png", "x")}, 400, leaves},
		{[]field{file("image", "x.png", "x"), plain("type", "models")}, 400, kind},
		{[]field{file("image", "x.png", "x"), plain("type", "")}, 400, kind},
		{[]field{file("image", "x.png", "x"), plain("subfolder", strings.Repeat("x", 70_000))}, 413, `The field \"subfolder\" is larger than 65536 bytes.`},
		{append([]field{file("image", "x.png", "x")}, many...), 400, "The form has more than 64 parts."},
	} {
		code := map[int]string{400: "invalid_request", 413: "too_large"}[c.status]
		s.post("/upload/image", c.fields...).is(c.status, `{"code":"`+code+`","message":"`+c.message+`"}`)
	}
	s.ask("POST", "/upload/image", strings.NewReader(`{"image":"x"}`), "Content-Type", "application/json").
		is(400, `{"code":"invalid_request","message":"The body must be multipart/form-data."}`)
	s.ask("POST", "/upload/image", strings.NewReader("x"), "Content-Type", "multipart/form-data").
		is(400, `{"code":"invalid_request","message":"The body must be multipart/form-data."}`)
	s.ask("POST", "/upload/image", nil, "X-API-Key", "").
		is(401, `{"code":"unauthorized","message":"An API key is needed, in the header X-API-Key."}`)
	for _, folder := range []string{"input", "output", "temp"} {
		s.get("/view?filename=x.png&type="+folder).is(404, `{"code":"not_found","message":"There is no such file."}`)
	}
}

func TestAnUploadThatBreaksOffIsNotStored(t *testing.T) {
	const brokeOff = `{"code":"invalid_request","message":"The upload broke off, or is not a form."}`
	for name, content := range map[string]string{"within a chunk": "hello hello", "after chunks": strings.Repeat("hello", 1<<20)} {
		s := newShelf(t, false)
		body, contentType := form(t, plain("type", "input"), file("image", "cat.png", content))
		cut := body[:len(body)-80] // in the content: the end of a form is shorter
		s.ask("POST", "/upload/image", bytes.NewReader(cut), "Content-Type", contentType).is(400, brokeOff)
		failing := io.MultiReader(bytes.NewReader(cut), iotest.ErrReader(errors.New("connection reset")))
		s.ask("POST", "/upload/image", failing, "Content-Type", contentType).is(400, brokeOff)
		if left := s.stored(); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
		// Whole but for the form's end: there are bytes, and no name.
		s.ask("POST", "/upload/image", bytes.NewReader(body[:len(body)-6]), "Content-Type", contentType).is(400, brokeOff)
		s.get("/view?filename=cat.png&type=input").is(404, `{"code":"not_found","message":"There is no such file."}`)
	}
}

func TestAnUploadOverTheLimit(t *testing.T) {
	s := newShelf(t, false)
	s.api.MaxUpload = 1000
	const tooLarge = `{"code":"too_large","message":"The body is larger than the 1000 bytes allowed here."}`
	body, contentType := form(t, file("image", "big.bin", strings.Repeat("x", 1000)))
	s.ask("POST", "/upload/image", bytes.NewReader(body), "Content-Type", contentType).is(413, tooLarge)
	for _, path := range []string{"/upload/image", "/upload/mask"} {
		unknown := io.MultiReader(bytes.NewReader(body)) // a length that is not told
		s.ask("POST", path, unknown, "Content-Type", contentType).is(413, tooLarge)
	}
	if left := s.stored(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	s.post("/upload/image", file("image", "small.bin", strings.Repeat("x", 500))).is(200, `{"name":"small.bin","subfolder":"","type":"input"}`)
	s.api.MaxUpload = 0 // then it is ComfyUI's
	q := httptest.NewRequest("POST", "/upload/image", nil)
	q.Header.Set("X-API-Key", "key-a")
	q.ContentLength = 100<<20 + 1
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, q)
	if want := `{"code":"too_large","message":"The body is larger than the 104857600 bytes allowed here."}`; w.Code != 413 || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
