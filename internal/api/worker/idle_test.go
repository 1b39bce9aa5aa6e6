package worker

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
)

// store takes bytes and keeps none.
type store struct{ Files }

func (store) Put(_ context.Context, content io.Reader) (settee.Blob, error) {
	n, err := io.Copy(io.Discard, content)
	return settee.Blob{Size: n}, err
}

// An upload may take as long as its bytes flow; one that nobody feeds is given
// up.
func TestUploadsExpireWhenTheyAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all uploads
		up, err := all.begin(t.Context(), uploadKey{session: "s", id: "x"}, settee.Blob{}, store{})
		if err != nil {
			t.Fatal(err)
		}
		if err := up.take(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := up.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(idle / 2)
		}
		up.give()
		time.Sleep(idle - 1)
		if up.over() {
			t.Error("it was given up too soon")
		}
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		if !up.failed() || len(all.all) > 0 {
			t.Error("it is still there")
		}
	})
}
