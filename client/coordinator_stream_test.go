package client_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// depot is a server that takes the files of one session, with faults.
type depot struct {
	version int
	cut     []int  // PUTs break after so many bytes, in turn; -1: whole, but without an answer
	forget  bool   // with a break the server is started again
	lie     string // another hash in the answer

	mu    sync.Mutex
	have  []byte
	calls []string
}

func (d *depot) files(t *testing.T) client.Files {
	t.Helper()
	c := serve(t, map[string]http.HandlerFunc{
		"POST /worker/v1/sessions":                  answer(201, fmt.Sprintf(`{"version":%d,"session":"s","worker":"w","pool":"p","depth":1,"lease_ms":60000}`, d.version)),
		"POST /worker/v1/sessions/s/uploads/{id}":   d.take,
		"PUT /worker/v1/sessions/s/uploads/{id}":    d.take,
		"DELETE /worker/v1/sessions/s/uploads/{id}": d.take,
		"POST /worker/v1/sessions/s/blobs":          d.take,
		"PUT /worker/v1/sessions/s/blobs/{hash}":    d.take,
	})
	k := c.Coordinator(nil)
	if _, err := k.Open(t.Context(), "w", "", settee.Description{Engine: "x", Definitions: []byte(`{}`), Devices: []byte(`[]`), Depth: 1}); err != nil {
		t.Fatal(err)
	}
	return k.Files()
}

func (d *depot) take(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, r.Method)
	blobs := strings.Contains(r.URL.Path, "/blobs")
	ended := r.Header.Get("Upload-Length") != "" || blobs
	if r.Method == http.MethodPut {
		var at int
		if _, err := fmt.Sscan(r.Header.Get("Upload-Offset"), &at); err == nil && at != len(d.have) {
			answer(409, fmt.Sprintf(`{"code":"conflict","message":"elsewhere","offset":%d}`, len(d.have)))(w, r)
			return
		}
		limit := -1
		if len(d.cut) > 0 {
			limit, d.cut = d.cut[0], d.cut[1:]
			defer panic(http.ErrAbortHandler)
		}
		from := io.Reader(r.Body)
		if limit >= 0 {
			from = io.LimitReader(from, int64(limit))
		}
		more, _ := io.ReadAll(from)
		d.have = append(d.have, more...)
		if limit >= 0 && d.forget {
			d.have = nil
		}
	}
	switch {
	case r.Method == http.MethodPut && ended:
		hash := hashOf(d.have)
		if d.lie != "" {
			hash = d.lie
		}
		answer(200, fmt.Sprintf(`{"offset":%d,"hash":%q,"size":%d,"receipt":"r"}`, len(d.have), hash, len(d.have)))(w, r)
	default:
		answer(200, fmt.Sprintf(`{"offset":%d}`, len(d.have)))(w, r)
	}
}

func hashOf(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// once is content that can be read once.
func once(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} }

func again(b []byte) io.Reader { return bytes.NewReader(b) }

var readers = map[string]func([]byte) io.Reader{"once": once, "again": again}

// What a worker made arrives whole, whatever the network and the server do.
func TestFilesArrive(t *testing.T) {
	content := make([]byte, 3<<20+17)
	for i := range content {
		content[i] = byte(i>>10) ^ byte(i)
	}
	small := content[:100_000]
	for _, c := range []struct {
		what    string
		version int
		cut     []int
		forget  bool
		content []byte
		calls   string
	}{
		{"large", 3, nil, false, content, "PUT PUT"},
		{"small", 3, nil, false, small, "PUT"},
		{"large, of an old server", 2, nil, false, content, "POST PUT"},
		{"broken twice", 3, []int{2 << 20, 1000}, false, content, "PUT POST PUT POST PUT PUT"},
		{"broken at once", 3, []int{0}, false, content, "PUT POST PUT PUT"},
		{"the server is started again", 3, []int{2 << 20}, true, content, "PUT POST PUT PUT"},
		{"no answer to the bytes", 3, []int{-1}, false, content, "PUT POST PUT PUT"},
	} {
		for kind, reader := range readers {
			t.Run(c.what+", read "+kind, func(t *testing.T) {
				d := &depot{version: c.version, cut: c.cut, forget: c.forget}
				b, err := d.files(t).Put(t.Context(), reader(c.content))
				if want := (settee.Blob{Hash: hashOf(c.content), Size: int64(len(c.content))}); err != nil || b.Blob != want {
					t.Errorf("%+v, %v", b, err)
				}
				if !bytes.Equal(d.have, c.content) {
					t.Errorf("%d bytes came, not %d", len(d.have), len(c.content))
				}
				if got := strings.Join(d.calls, " "); got != c.calls {
					t.Errorf("calls %s, want %s", got, c.calls)
				}
			})
		}
	}
}

// A server that says it has other bytes is not believed, and the upload is given
// up.
func TestAnotherHashIsRefused(t *testing.T) {
	d := &depot{version: 3, lie: strings.Repeat("0", 64)}
	_, err := d.files(t).Put(t.Context(), again(make([]byte, 2<<20)))
	if settee.CodeOf(err) != settee.CodeInvalid || d.calls[len(d.calls)-1] != http.MethodDelete {
		t.Errorf("%v after %q", err, d.calls)
	}
}

// Content that cannot be read to its end is its own error, at once, and what was
// sent of it is given up.
func TestContentThatBreaks(t *testing.T) {
	gone := errors.New("the disk is gone")
	for _, version := range []int{2, 3} {
		d := &depot{version: version}
		_, err := d.files(t).Put(t.Context(), io.MultiReader(bytes.NewReader(make([]byte, 2<<20)), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) {
			t.Errorf("version %d: %v", version, err)
		}
		if calls := strings.Join(d.calls, " "); calls != map[int]string{2: "", 3: "PUT DELETE"}[version] {
			t.Errorf("version %d: calls %s", version, calls)
		}
	}
}
