package asset_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/blob"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/internal/worker"
	"github.com/settee/settee/internal/workflow"
)

var (
	_ asset.Store    = (*store.DB)(nil)
	_ worker.Files   = (*asset.Service)(nil)
	_ workflow.Files = (&asset.Service{}).Account("")
)

func TestMain(m *testing.M) { storetest.Main(m) }

// house is a service on an empty database with the accounts ann and bob.
type house struct {
	*asset.Service
	t    *testing.T
	db   *store.DB
	disk *blob.Disk
	dir  string // of disk
	now  time.Time
}

func each(t *testing.T, f func(h *house)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(open(t, db)) })
}

func open(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{t: t, db: db, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h.dir = filepath.Join(t.TempDir(), "blobs")
	var err error
	if h.disk, err = blob.NewDisk(h.dir); err != nil {
		t.Fatal(err)
	}
	h.Service = asset.New(db, h.disk, asset.Options{Now: func() time.Time { return h.now }, Secret: []byte("secret")})
	storetest.Account(t, db, "ann", settee.Tier{})
	storetest.Account(t, db, "bob", settee.Tier{})
	return h
}

func (h *house) upload(account string, f settee.File, content string, overwrite bool) settee.Asset {
	h.t.Helper()
	h.now = h.now.Add(time.Second)
	a, err := h.Upload(h.t.Context(), account, asset.Upload{File: f, Content: strings.NewReader(content), Overwrite: overwrite})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) content(a settee.Asset) string {
	h.t.Helper()
	f, err := h.Open(h.t.Context(), a.Blob.Hash)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

func TestUploadsOfOneName(t *testing.T) {
	each(t, func(h *house) {
		cat := file("input", "", "cat.png")
		first := h.upload("ann", cat, "1", false)
		if first.File != cat || first.MIME != "image/png" || h.content(first) != "1" || first.Blob.Size != 1 || !first.CreatedAt.Equal(h.now) {
			t.Errorf("first: %+v", first)
		}
		for _, c := range []struct {
			content string
			want    string
		}{{"1", "cat.png"}, {"2", "cat (1).png"}, {"3", "cat (2).png"}, {"2", "cat (1).png"}, {"1", "cat.png"}, {"4", "cat (3).png"}} {
			a := h.upload("ann", cat, c.content, false)
			if a.File.Filename != c.want || h.content(a) != c.content {
				h.t.Errorf("content %s is called %q and reads %q, want %q", c.content, a.File.Filename, h.content(a), c.want)
			}
			if c.content == "1" && a != first {
				h.t.Errorf("the same bytes are another asset: %+v", a)
			}
		}
		// A name that looks like a number's is a name of its own.
		if a := h.upload("ann", file("input", "", "cat (1).png"), "5", false); a.File.Filename != "cat (1) (1).png" {
			h.t.Errorf("called %q", a.File.Filename)
		}
		// Other folders and accounts have other names.
		for _, f := range []settee.File{file("input", "a", "cat.png"), file("temp", "", "cat.png")} {
			if a := h.upload("ann", f, "6", false); a.File != f {
				h.t.Errorf("called %+v", a.File)
			}
		}
		if a := h.upload("bob", cat, "7", false); a.File != cat || a.AccountID != "bob" {
			h.t.Errorf("bob's: %+v", a)
		}
	})
}

func TestOverwritingKeepsTheAsset(t *testing.T) {
	each(t, func(h *house) {
		cat := file("input", "", "cat.png")
		first := h.upload("ann", cat, "1", false)
		if same := h.upload("ann", cat, "1", true); same != first {
			h.t.Errorf("the same bytes changed the asset: %+v", same)
		}
		other := h.upload("ann", cat, "2", true)
		if other.ID != first.ID || other.File != cat || h.content(other) != "2" || !other.CreatedAt.Equal(h.now) {
			h.t.Errorf("overwritten: %+v", other)
		}
		if found, err := h.Find(h.t.Context(), "ann", cat); err != nil || found != other {
			h.t.Errorf("found %+v, %v", found, err)
		}
		if fresh := h.upload("ann", file("input", "", "dog.png"), "3", true); fresh.File.Filename != "dog.png" {
			h.t.Errorf("a new name: %+v", fresh)
		}
	})
}

func TestManyUploadsOfOneNameAtOnce(t *testing.T) {
	each(t, func(h *house) {
		const n = 24
		var all sync.WaitGroup
		names := make([]string, n)
		for i := range n {
			all.Go(func() {
				a, err := h.Upload(t.Context(), "ann", asset.Upload{File: file("input", "", "x.png"), Content: strings.NewReader(fmt.Sprint(i / 2))})
				if err != nil {
					h.t.Error(err)
				}
				names[i] = a.File.Filename
			})
		}
		all.Wait()
		got := map[string]bool{}
		for i, name := range names {
			got[name] = true
			if _, ok := asset.Number(name, "x.png"); !ok {
				h.t.Errorf("called %q", name)
			}
			if found, err := h.Find(h.t.Context(), "ann", file("input", "", name)); err != nil || h.content(found) != fmt.Sprint(i/2) {
				h.t.Errorf("%q: %+v, %v", name, found, err)
			}
		}
		if all, err := h.List(h.t.Context(), "ann", settee.Input); err != nil || len(all) != len(got) {
			h.t.Errorf("%d files for %d names, %v", len(all), len(got), err)
		}
	})
}

func TestAnUploadThatBreaksOffLeavesNoName(t *testing.T) {
	each(t, func(h *house) {
		content := io.MultiReader(strings.NewReader("hal"), iotest.ErrReader(io.ErrUnexpectedEOF))
		_, err := h.Upload(h.t.Context(), "ann", asset.Upload{File: file("input", "", "cat.png"), Content: content})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			h.t.Errorf("error %v", err)
		}
		if all, err := h.List(h.t.Context(), "ann", settee.Input); err != nil || len(all) > 0 {
			h.t.Errorf("listed %+v, %v", all, err)
		}
	})
}

func TestListIsNewestFirst(t *testing.T) {
	each(t, func(h *house) {
		for _, name := range []string{"b.png", "c.png", "a.png"} {
			h.upload("ann", file("input", "sub", name), name, false)
		}
		h.upload("ann", file("output", "", "o.png"), "o", false)
		h.upload("bob", file("input", "", "bobs.png"), "b", false)
		all, err := h.List(h.t.Context(), "ann", settee.Input)
		if err != nil {
			h.t.Fatal(err)
		}
		var names []string
		for _, a := range all {
			names = append(names, a.File.Subfolder+"/"+a.File.Filename)
		}
		if got := strings.Join(names, " "); got != "sub/a.png sub/c.png sub/b.png" {
			h.t.Errorf("listed %s", got)
		}
	})
}

func TestAnotherAccountsFilesAreNotThere(t *testing.T) {
	each(t, func(h *house) {
		a := h.upload("ann", file("input", "", "secret.png"), "secret", false)
		for _, name := range []string{"secret.png", "blake3:" + a.Blob.Hash, "missing.png"} {
			_, err := h.Find(h.t.Context(), "bob", file("input", "", name))
			if settee.CodeOf(err) != settee.CodeNotFound || err.Error() != "There is no such file." {
				h.t.Errorf("%s: %v", name, err)
			}
			if b, ok, err := h.Account("bob").Resolve(h.t.Context(), name, settee.Input); ok || err != nil {
				h.t.Errorf("%s resolves to %+v, %v", name, b, err)
			}
		}
	})
}

func TestReferencesOfWorkflows(t *testing.T) {
	each(t, func(h *house) {
		for _, f := range []settee.File{
			file("input", "", "cat.png"), file("input", "a/b", "cat.png"), file("output", "", "out_00001_.png"),
			file("output", "x", "out.png"), file("temp", "", "t.png"), file("input", "", "odd [x].png"),
		} {
			h.upload("ann", f, fmt.Sprint(f), false)
		}
		stored, err := h.Find(h.t.Context(), "ann", file("output", "x", "out.png"))
		if err != nil {
			h.t.Fatal(err)
		}
		for reference, want := range map[string]settee.File{
			"cat.png":                        file("input", "", "cat.png"),
			"./cat.png":                      file("input", "", "cat.png"),
			"cat.png [input]":                file("input", "", "cat.png"),
			"a/b/cat.png":                    file("input", "a/b", "cat.png"),
			"a//b/../b/cat.png":              file("input", "a/b", "cat.png"),
			"out_00001_.png [output]":        file("output", "", "out_00001_.png"),
			"x/out.png [output]":             file("output", "x", "out.png"),
			"t.png [temp]":                   file("temp", "", "t.png"),
			"odd [x].png":                    file("input", "", "odd [x].png"),
			"blake3:" + stored.Blob.Hash:     file("output", "x", "out.png"),
			"blake3:" + stored.Blob.Hash[1:]: {},
			"out_00001_.png":                 {},
			"cat.png [output]":               {},
			"cat.png[input]":                 {},
			"/cat.png":                       {},
			"../input/cat.png":               {},
			"a/../../cat.png":                {},
			"cat.png/":                       {},
			"cat.png\x00":                    {},
			"a":                              {},
			"":                               {},
			".":                              {},
			" [output]":                      {},
		} {
			b, ok, err := h.Account("ann").Resolve(h.t.Context(), reference, settee.Input)
			if err != nil || ok != (want != settee.File{}) {
				h.t.Errorf("%q: %v, %v", reference, ok, err)
				continue
			}
			if ok && h.content(settee.Asset{Blob: b}) != fmt.Sprint(want) {
				h.t.Errorf("%q is %q", reference, h.content(settee.Asset{Blob: b}))
			}
		}
	})
}
