package asset_test

import (
	"context"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/blob"
)

// noLinks is a blob store that is only asked for links, and has none.
type noLinks struct{ blob.Store }

func (noLinks) Link(context.Context, string, string, string, time.Time) (string, error) {
	return "", nil
}

// ownLinks is one that signs its own.
type ownLinks struct{ blob.Store }

func (ownLinks) Link(_ context.Context, hash, filename, mime string, until time.Time) (string, error) {
	return "https://bucket.example/" + hash + "?" + filename + "&" + mime + "&" + until.Format(time.Kitchen), nil
}

func TestABlobStoreMaySignForItself(t *testing.T) {
	s := asset.New(nil, ownLinks{}, asset.Options{Now: func() time.Time { return begin }, Secret: []byte("secret")})
	got, err := s.Link(t.Context(), "https://settee.example", settee.Asset{
		File: file("output", "", "x.png"), MIME: "image/png", Blob: settee.Blob{Hash: hash},
	}, asset.Inline)
	if want := "https://bucket.example/" + hash + "?x.png&image/png&4:15AM"; err != nil || got != want {
		t.Errorf("link %s, %v", got, err)
	}
}
