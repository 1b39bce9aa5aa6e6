package blob

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
)

var _ Store = (*Disk)(nil)

// blake3 of "hello".
const hello = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"

func open(t *testing.T) (*Disk, *watched) {
	t.Helper()
	w := &watched{dir: filepath.Join(t.TempDir(), "blobs")}
	d, err := newDisk(w.dir, w)
	if err != nil {
		t.Fatal(err)
	}
	w.calls = nil
	return d, w
}

func put(t *testing.T, d *Disk, content string) settee.Blob {
	t.Helper()
	b, err := d.Put(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// files are all files under dir, relative to it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	all := []string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPutIsOnDiskBeforeItReturns(t *testing.T) {
	d, w := open(t)
	b := put(t, d, "hello")
	if want := (settee.Blob{Hash: hello, Size: 5}); b != want {
		t.Errorf("blob = %+v, want %+v", b, want)
	}
	want := []string{
		"create tmp/*", "write tmp/*", "sync tmp/*", "close tmp/*",
		"rename tmp/* ea/" + hello, "syncdir ea",
	}
	if !slices.Equal(w.calls, want) {
		t.Errorf("calls:\n%s\nwant:\n%s", strings.Join(w.calls, "\n"), strings.Join(want, "\n"))
	}
	f, err := d.Open(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "hello" {
		t.Errorf("read %q, %v", text, err)
	}
	if at, err := f.Seek(1, io.SeekStart); err != nil || at != 1 {
		t.Errorf("seek: %d, %v", at, err)
	}
}

func TestEqualBytesAreStoredOnce(t *testing.T) {
	d, w := open(t)
	put(t, d, "hello")
	before, err := os.Stat(d.path(hello))
	if err != nil {
		t.Fatal(err)
	}
	w.calls = nil
	if b := put(t, d, "hello"); b.Hash != hello {
		t.Errorf("hash %s", b.Hash)
	}
	want := []string{"create tmp/*", "write tmp/*", "close tmp/*", "remove tmp/*", "syncdir ea"}
	if !slices.Equal(w.calls, want) {
		t.Errorf("calls %v", w.calls)
	}
	after, err := os.Stat(d.path(hello))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced (%v)", err)
	}
}

func TestADamagedFileIsReplaced(t *testing.T) {
	d, _ := open(t)
	put(t, d, "hello")
	if err := os.WriteFile(d.path(hello), []byte("hel"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, d, "hello")
	if text, err := os.ReadFile(d.path(hello)); err != nil || string(text) != "hello" {
		t.Errorf("kept %q, %v", text, err)
	}
}

func TestEmptyAndLargeContent(t *testing.T) {
	d, _ := open(t)
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk + 17, 2*stride + 17} {
		content := bytes.Repeat([]byte("0123456789abcdef7"), size/17+1)[:size]
		sum := blake3.Sum256(content)
		b, err := d.Put(t.Context(), iotest.HalfReader(bytes.NewReader(content)))
		if err != nil || b.Hash != hex.EncodeToString(sum[:]) || b.Size != int64(size) {
			t.Errorf("%d bytes: %+v, %v", size, b, err)
		}
		if kept, err := os.ReadFile(d.path(b.Hash)); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%d bytes: %d kept, %v", size, len(kept), err)
		}
	}
}

func TestNothingRemainsOfAWriteThatFails(t *testing.T) {
	full := func(at string) func(string) error {
		return func(call string) error {
			if strings.HasPrefix(call, at) {
				return syscall.ENOSPC
			}
			return nil
		}
	}
	for _, step := range []string{"create", "write", "sync tmp", "close", "rename"} {
		t.Run(step, func(t *testing.T) {
			d, w := open(t)
			w.fault = full(step)
			_, err := d.Put(t.Context(), strings.NewReader("hello"))
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("error %v", err)
			}
			if left := files(t, w.dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			w.fault = nil
			put(t, d, "hello")
		})
	}
	t.Run("syncdir", func(t *testing.T) {
		d, w := open(t)
		w.fault = full("syncdir")
		if _, err := d.Put(t.Context(), strings.NewReader("hello")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v: it is not known to be on disk", err)
		}
		// Whoever stores it next finds the file and must sync for itself.
		if _, err := d.Put(t.Context(), strings.NewReader("hello")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v: it is still not known to be on disk", err)
		}
		w.fault = nil
		put(t, d, "hello")
	})
	t.Run("a later write", func(t *testing.T) {
		for failing := 1; failing <= 4; failing++ {
			d, w := open(t)
			writes := 0
			w.fault = func(call string) error {
				if strings.HasPrefix(call, "write") {
					if writes++; writes == failing {
						return syscall.ENOSPC
					}
				}
				return nil
			}
			if _, err := d.Put(t.Context(), bytes.NewReader(make([]byte, 3*chunk+1))); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("write %d: error %v", failing, err)
			}
			if left := files(t, w.dir); len(left) > 0 || writes != failing {
				t.Errorf("write %d of %d: left behind: %v", failing, writes, left)
			}
		}
	})
	t.Run("short write", func(t *testing.T) {
		d, w := open(t)
		w.short = func(p []byte) ([]byte, int) { return p[:2], 2 }
		if _, err := d.Put(t.Context(), strings.NewReader("hello")); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("error %v", err)
		}
		if left := files(t, w.dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("content", func(t *testing.T) {
		d, w := open(t)
		for _, cause := range []error{io.ErrUnexpectedEOF, errors.New("the network went")} {
			content := io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(cause))
			if _, err := d.Put(t.Context(), content); !errors.Is(err, cause) {
				t.Errorf("error %v", err)
			}
		}
		if left := files(t, w.dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("given up", func(t *testing.T) {
		d, w := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Put(ctx, strings.NewReader("hello")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if left := files(t, w.dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestStartSweepsWhatWasCutOff(t *testing.T) {
	d, w := open(t)
	put(t, d, "hello")
	if err := os.WriteFile(filepath.Join(d.tmp(), "half"), []byte("hel"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDisk(w.dir); err != nil {
		t.Fatal(err)
	}
	if left := files(t, w.dir); !slices.Equal(left, []string{"ea/" + hello}) {
		t.Errorf("left: %v", left)
	}
}

func TestFoldersAreOnDiskBeforeTheFirstBlob(t *testing.T) {
	w := &watched{dir: filepath.Join(t.TempDir(), "blobs")}
	if _, err := newDisk(w.dir, w); err != nil {
		t.Fatal(err)
	}
	if n := len(w.calls); n != 1+257+2 || !slices.Equal(w.calls[n-2:], []string{"syncdir .", "syncdir .."}) {
		t.Errorf("%d calls, the last: %v", n, w.calls[n-3:])
	}
	w.calls = nil
	if _, err := newDisk(w.dir, w); err != nil || !slices.Equal(w.calls, []string{"mkdir ."}) {
		t.Errorf("second start: %v, %v", w.calls, err)
	}
}

func TestAbsentBlobs(t *testing.T) {
	d, w := open(t)
	for _, hash := range []string{hello, "", "ab", "../../etc/passwd", strings.ToUpper(hello), hello + "0", ".." + hello[2:]} {
		if _, err := d.Open(t.Context(), hash); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", hash, err)
		}
		if err := d.Delete(t.Context(), hash); err != nil {
			t.Errorf("Delete(%q): %v", hash, err)
		}
	}
	put(t, d, "hello")
	if err := d.Delete(t.Context(), hello); err != nil {
		t.Error(err)
	}
	if left := files(t, w.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestManyAtOnceStoreTheSameBytes(t *testing.T) {
	d, w := open(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if b, err := d.Put(context.Background(), strings.NewReader("hello")); err != nil || b.Hash != hello {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
	all.Wait()
	if left := files(t, w.dir); !slices.Equal(left, []string{"ea/" + hello}) {
		t.Errorf("left: %v", left)
	}
}

// Memory must not grow with the content: two chunks, the hash and the names.
func BenchmarkPut(b *testing.B) {
	d, err := NewDisk(filepath.Join(b.TempDir(), "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	const size = 64 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	var n byte
	for b.Loop() {
		n++
		blob, err := d.Put(b.Context(), io.LimitReader(counting(n), size))
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Delete(b.Context(), blob.Hash); err != nil {
			b.Fatal(err)
		}
	}
}

type counting byte

func (c counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}
