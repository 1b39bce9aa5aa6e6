package queue_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// contents are the small files that the database has.
func (h *house) contents() string {
	h.t.Helper()
	var all []string
	if err := h.db.Read(h.t.Context(), func(tx *store.Tx) (err error) {
		all, err = store.Collect(tx, func(scan func(...any) error) (string, error) {
			var hash, backend string
			var content []byte
			err := scan(&hash, &content, &backend)
			if hash != engine.BytesOf(content).Hash {
				h.t.Errorf("%q is kept as %s", content, hash)
			}
			return string(content) + " in the " + backend, err
		}, `SELECT b.hash, c.content, b.backend FROM blobs b JOIN blob_contents c ON c.hash = b.hash ORDER BY c.content`)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// The bytes of a small file are kept by the commit that names it, once, whoever
// makes the same; what is not written down for a lost or a refused attempt leaves
// none.
func TestSmallFilesGoWithTheirNames(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		l := h.begun("a", "p", s)
		commits := h.commits()
		h.execute(l, image("9", "cat"))
		wantText(t, "kept with its output", h.contents(), "a picture of cat in the database")
		var names []string
		if err := h.Finish(t.Context(), l.Attempt, success(l), told(image("8", "dog"), &names), told(image("7", "cat"), &names)); err != nil {
			t.Fatal(err)
		}
		wantText(t, "commits", commits.Load(), "2")
		const both = "a picture of cat in the database, a picture of dog in the database"
		wantText(t, "kept with the ending", h.contents(), both)
		wantText(t, "names", h.names("a"), "cat_00001_.png cat_00002_.png dog_00001_.png")

		wantCode(t, h.Finish(t.Context(), l.Attempt, success(l), told(image("9", "ended"), &names)), settee.CodeLeaseLost)
		_, err := h.Execute(t.Context(), l.Attempt, image("9", "lost"))
		wantCode(t, err, settee.CodeLeaseLost)
		l = h.begun("a", "q", s)
		bad := image("8", "bad")
		bad.Output[0].Entries = append(bad.Output[0].Entries, engine.Entry{Old: &settee.File{Filename: "gone.png", Type: settee.Output}})
		_, err = h.Execute(t.Context(), l.Attempt, bad)
		wantCode(t, err, settee.CodeNotFound)
		if err := h.Finish(t.Context(), l.Attempt, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}, told(image("9", "handed back"), &names)); err != nil {
			t.Fatal(err)
		}
		wantText(t, "kept in the end", h.contents(), both)
	})
}

// Accounts that make equal bytes at once do not get into each other's way.
func TestEqualSmallFilesAtOnce(t *testing.T) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) {
		s := h.open("w1", "native")
		const n = 8
		done := make(chan error, n)
		for i := range n {
			account := fmt.Sprint("account", i)
			storetest.Account(t, h.db, account, settee.Tier{})
			l := h.begun(account, "p", s)
			go func() {
				var names []string
				done <- h.Finish(t.Context(), l.Attempt, success(l), told(image("9", "cat"), &names), told(image("8", "dog"), &names))
			}()
		}
		for range n {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		wantText(t, "kept", h.contents(), "a picture of cat in the database, a picture of dog in the database")
	})
}
