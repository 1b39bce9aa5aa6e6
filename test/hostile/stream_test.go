package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"testing"
)

// pattern is bytes that never repeat, n of them, hashed while they are read.
type pattern struct {
	left int64
	at   uint64
	sum  hash.Hash
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.left)]
	for i := range b {
		p.at = p.at*6364136223846793005 + 1442695040888963407
		b[i] = byte(p.at >> 56)
	}
	p.left -= int64(len(b))
	p.sum.Write(b)
	return len(b), nil
}

// A large file goes in and out without standing in memory: 256 MiB, or
// SETTEE_TEST_UPLOAD MiB.
func TestALargeFileStreams(t *testing.T) {
	size := int64(256)
	if s := os.Getenv("SETTEE_TEST_UPLOAD"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		size = n
	}
	size <<= 20
	h := enter(t, "--max-upload", "8GiB")
	h.job(h.picture(1), "completed") // what a first job takes is not the upload's
	before := h.Peak()
	sent := &pattern{left: size, sum: sha256.New()}
	body, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		part, err := form.CreateFormFile("image", "large.bin")
		if err == nil {
			_, err = io.Copy(part, sent)
		}
		if err == nil {
			err = form.Close()
		}
		in.CloseWithError(err)
	}()
	saved := h.uploaded(h.ask("POST", "/api/upload/image", body, "Content-Type", form.FormDataContentType()))

	q, err := http.NewRequestWithContext(t.Context(), "GET", h.URL+"/view?type=input&filename="+saved, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-API-Key", h.key)
	res, err := straight.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := sha256.New()
	tail := &bytes.Buffer{}
	n, err := io.Copy(io.MultiWriter(got, &last{tail, 100}), res.Body)
	if err != nil || n != size || hex.EncodeToString(got.Sum(nil)) != hex.EncodeToString(sent.sum.Sum(nil)) {
		t.Errorf("%d bytes came back of %d, %v", n, size, err)
	}
	if grown := h.Peak() - before; grown > 64<<20 {
		t.Errorf("%d MiB in and out took %d MiB of memory", size>>20, grown>>20)
	} else {
		t.Logf("%d MiB in and out took %d MiB of memory", size>>20, grown>>20)
	}

	path, tag := "/view?type=input&filename="+saved, res.Header.Get("ETag")
	if a := h.ask("GET", path, nil, "Range", "bytes=-100"); a.status != 206 || !bytes.Equal(a.body, tail.Bytes()) ||
		a.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", size-100, size-1, size) {
		t.Errorf("the last 100 bytes: %d %v", a.status, a.header)
	}
	for _, c := range []struct {
		status int
		header []string
	}{
		{304, []string{"If-None-Match", tag}},
		{304, []string{"If-None-Match", `"x", W/` + tag}},
		{412, []string{"If-Match", `"x"`}},
		{206, []string{"Range", "bytes=0-9", "If-Range", tag}},
		{416, []string{"Range", "bytes=" + strconv.FormatInt(size, 10) + "-"}},
	} {
		a := h.ask("GET", path, nil, c.header...)
		if a.status != c.status || c.status == 304 && len(a.body) > 0 || c.status == 206 && len(a.body) != 10 {
			t.Errorf("%v: %d with %d bytes, want %d", c.header, a.status, len(a.body), c.status)
		}
	}
	if a := h.ask("GET", path, nil, "Range", "bytes=0-1,10-11,20-21"); a.status != 206 && a.status != 200 {
		t.Errorf("several ranges: %d", a.status)
	}
	if a := h.ask("HEAD", path, nil, "Range", "bytes=0-9"); a.status != 206 && a.status != 200 || len(a.body) > 0 {
		t.Errorf("HEAD: %v", a)
	}
}

// last keeps the newest bytes that were written.
type last struct {
	buffer *bytes.Buffer
	n      int
}

func (l *last) Write(p []byte) (int, error) {
	all := append(l.buffer.Bytes(), p...)
	kept := bytes.Clone(all[max(0, len(all)-l.n):])
	l.buffer.Reset()
	l.buffer.Write(kept)
	return len(p), nil
}
