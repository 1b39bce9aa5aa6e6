package asset_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/store"
)

// large is the least that lies in a file.
var large = strings.Repeat("x", engine.MaxSmall+1)

// kept is how many rows of blobs there are, how many of them have their bytes in
// the database, how many files there are, and since when a blob has no owner.
func (h *house) kept(hash string) (rows, contents, files int, loose time.Time) {
	h.t.Helper()
	err := h.db.Read(h.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM blob_contents),
			(SELECT unreferenced_since FROM blobs WHERE hash = $1)`, hash).Scan(&rows, &contents, store.Time(&loose))
	})
	if err != nil {
		h.t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(h.dir, "*", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return rows, contents, len(all), loose
}

// A small file is a row of the database and no file; a larger one is a file. Both
// read alike.
func TestSmallFilesAreRows(t *testing.T) {
	each(t, func(h *house) {
		files := 0
		for rows, size := range []int{0, 1, 30_000, engine.MaxSmall, engine.MaxSmall + 1, 1 << 20} {
			content := strings.Repeat("\x00\xff'\\", size/4+1)[:size]
			a := h.upload("ann", file("input", "", "x.png"), content, false)
			if size > engine.MaxSmall {
				files++
			}
			if r, c, f, loose := h.kept(a.Blob.Hash); r != rows+1 || c != rows+1-files || f != files || !loose.IsZero() {
				h.t.Errorf("%d bytes: %d rows, %d contents, %d files, without an owner since %v", size, r, c, f, loose)
			}
			if h.content(a) != content || a.Blob.Size != int64(size) {
				h.t.Errorf("%d bytes read as %d others, said to be %d", size, len(h.content(a)), a.Blob.Size)
			}
			f, err := h.Open(h.t.Context(), a.Blob.Hash)
			if err != nil {
				h.t.Fatal(err)
			}
			end, err := f.Seek(-int64(size/2), io.SeekEnd)
			half, wrong := io.ReadAll(f)
			if err = errors.Join(err, wrong, f.Close()); err != nil || end != int64(size-size/2) || string(half) != content[end:] {
				h.t.Errorf("%d bytes: the second half is %d bytes at %d, %v", size, len(half), end, err)
			}
		}
	})
}

// Equal bytes are kept once, whoever has them.
func TestEqualSmallFilesAreOneRow(t *testing.T) {
	each(t, func(h *house) {
		a := h.upload("ann", file("input", "", "x"), "bytes", false)
		h.upload("ann", file("output", "", "y"), "bytes", false)
		h.upload("bob", file("input", "", "z"), "bytes", false)
		if rows, contents, files, _ := h.kept(a.Blob.Hash); rows != 1 || contents != 1 || files != 0 {
			h.t.Errorf("%d rows, %d contents, %d files", rows, contents, files)
		}
		if got := h.content(a); got != "bytes" {
			h.t.Errorf("reads %q", got)
		}
		err := h.db.Write(h.t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`DELETE FROM assets`)
			if err == nil {
				_, err = tx.Exec(`DELETE FROM blobs`)
			}
			return err
		})
		if _, contents, _, _ := h.kept(""); err != nil || contents != 0 {
			h.t.Errorf("a blob that was deleted leaves %d contents, %v", contents, err)
		}
		if _, err := h.Open(h.t.Context(), a.Blob.Hash); !errors.Is(err, fs.ErrNotExist) {
			h.t.Errorf("opening it: %v", err)
		}
	})
}

// Small files that lie on the disk from before are read there; where one is lost,
// whoever brings its bytes again brings it back.
func TestSmallFilesOfBefore(t *testing.T) {
	each(t, func(h *house) {
		b, err := h.disk.Put(h.t.Context(), strings.NewReader("bytes"))
		if err == nil {
			err = h.Keep(h.t.Context(), engine.Bytes{Blob: b})
		}
		if err != nil {
			h.t.Fatal(err)
		}
		a, err := h.Name(h.t.Context(), "ann", file("input", "", "x"), engine.Bytes{Blob: b}, "", false)
		if err != nil || h.content(a) != "bytes" {
			h.t.Errorf("a file from before reads %q, %v", h.content(a), err)
		}
		if err := os.Remove(filepath.Join(h.dir, b.Hash[:2], b.Hash)); err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.Open(h.t.Context(), b.Hash); !errors.Is(err, fs.ErrNotExist) {
			h.t.Errorf("opening it when it is lost: %v", err)
		}
		if again := h.upload("ann", file("input", "", "x"), "bytes", false); again != a || h.content(a) != "bytes" {
			h.t.Errorf("brought again: %+v reads %q", again, h.content(a))
		}
	})
}

// A worker's file is written down by the unit that names it; a large one that was
// there and that nobody has is kept for it meanwhile.
func TestOutputsAreWrittenDownWhenTheyAreNamed(t *testing.T) {
	each(t, func(h *house) {
		outputs := asset.Outputs{Service: h.Service}
		b, err := outputs.Put(h.t.Context(), strings.NewReader("bytes"))
		if rows, _, files, _ := h.kept(b.Hash); err != nil || rows != 0 || files != 0 || string(b.Small) != "bytes" {
			h.t.Errorf("small bytes: %+v, %d rows, %d files, %v", b, rows, files, err)
		}
		b, err = outputs.Put(h.t.Context(), strings.NewReader(large))
		if rows, _, _, _ := h.kept(b.Hash); err != nil || rows != 0 || b.Small != nil || h.content(settee.Asset{Blob: b.Blob}) != large {
			h.t.Errorf("new bytes: %d rows, %v", rows, err)
		}
		if _, err := h.Put(h.t.Context(), strings.NewReader(large)); err != nil {
			h.t.Fatal(err)
		}
		h.now = h.now.Add(time.Hour)
		if _, err := outputs.Put(h.t.Context(), strings.NewReader(large)); err != nil {
			h.t.Fatal(err)
		}
		if rows, _, _, loose := h.kept(b.Hash); rows != 1 || !loose.Equal(h.now) {
			h.t.Errorf("bytes that nobody has: %d rows, unreferenced since %v", rows, loose)
		}
		h.upload("ann", file("input", "", "x"), large, false)
		if _, err := outputs.Put(h.t.Context(), strings.NewReader(large)); err != nil {
			h.t.Fatal(err)
		}
		if rows, _, _, loose := h.kept(b.Hash); rows != 1 || !loose.IsZero() {
			h.t.Errorf("bytes that have an owner: %d rows, unreferenced since %v", rows, loose)
		}
	})
}

// What a worker elsewhere has uploaded is safe, and without an owner until
// something names it; so is what is uploaded otherwise when it is large.
func TestPutIsWrittenDownUntilSomethingNamesIt(t *testing.T) {
	each(t, func(h *house) {
		uploads := asset.Uploads{Service: h.Service}
		for what, put := range map[string]func() (settee.Blob, error){
			"small": func() (settee.Blob, error) { return uploads.Put(h.t.Context(), strings.NewReader("bytes")) },
			"large": func() (settee.Blob, error) {
				b, err := h.Put(h.t.Context(), strings.NewReader(large))
				return b.Blob, err
			},
		} {
			b, err := put()
			if err != nil {
				h.t.Fatal(err)
			}
			content := h.content(settee.Asset{Blob: b})
			if int64(len(content)) != b.Size || content != "bytes" && content != large {
				h.t.Errorf("%s: reads %d bytes of %+v", what, len(content), b)
			}
			if _, _, _, loose := h.kept(b.Hash); !loose.Equal(h.now) {
				h.t.Errorf("%s: unreferenced since %v", what, loose)
			}
			h.now = h.now.Add(time.Hour)
			_, err = put()
			if _, _, _, loose := h.kept(b.Hash); err != nil || !loose.Equal(h.now) {
				h.t.Errorf("%s again: unreferenced since %v, %v", what, loose, err)
			}
			a := h.upload("ann", file("input", "", what), content, false)
			if _, _, _, loose := h.kept(b.Hash); a.Blob != b || !loose.IsZero() {
				h.t.Errorf("%s named: %+v, unreferenced since %v", what, a, loose)
			}
			_, err = put()
			if _, _, _, loose := h.kept(b.Hash); err != nil || !loose.IsZero() {
				h.t.Errorf("%s: a named blob became unreferenced (%v)", what, err)
			}
		}
	})
}
