package store_test

import (
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// A file that is put into the output folder takes its number, and never turns a
// counter back.
func TestUploadedFilesTakeNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.Account(t, db, "ann", settee.Tier{})
		for i, f := range []settee.File{
			{Filename: "x_1_00050_.png", Type: settee.Output},
			{Filename: "x_00007_.png", Type: settee.Output},
			{Filename: "x_00003_.txt", Type: settee.Output},
			{Filename: "x_00009_.png", Type: settee.Input},
			{Filename: "x_00002_.png", Subfolder: "sub", Type: settee.Output},
			{Filename: "cat.png", Type: settee.Output},
		} {
			_, err := db.SaveAsset(t.Context(), settee.Asset{ID: settee.NewID(), AccountID: "ann", File: f,
				Blob: settee.Blob{Hash: string(rune('a' + i)), Size: 1}, MIME: "image/png", CreatedAt: time.Unix(1, 0)}, nil, true)
			if err != nil {
				t.Fatal(err)
			}
		}
		type counter struct {
			typ, subfolder, prefix string
			next                   int
		}
		var got []counter
		err := db.Read(t.Context(), func(tx *store.Tx) (err error) {
			got, err = store.Collect(tx, func(scan func(...any) error) (c counter, err error) {
				err = scan(&c.typ, &c.subfolder, &c.prefix, &c.next)
				return c, err
			}, `SELECT type, subfolder, prefix, next FROM output_counters ORDER BY subfolder, prefix`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []counter{{"output", "", "x", 8}, {"output", "", "x_1", 51}, {"output", "sub", "x", 3}}
		if len(got) != len(want) {
			t.Fatalf("counters are %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("counter %d is %v, want %v", i, got[i], want[i])
			}
		}
	})
}
