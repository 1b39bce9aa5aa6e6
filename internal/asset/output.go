package asset

import (
	"context"
	"fmt"
	"io"

	"github.com/settee/settee"
)

// Outputs is a Service for workers, whose Put leaves it to the unit that names
// the bytes to write down that they are kept: that saves a commit a file. Bytes
// of a job that ended in between are a file without a row, of no use once it
// has been there for longer than a job can run.
type Outputs struct{ *Service }

// Put stores bytes. Those that were there already, and that nothing refers to,
// count as unreferenced since now.
func (o Outputs) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	b, err := o.blobs.Put(ctx, content)
	if err != nil {
		return b, err
	}
	if err := o.store.RefreshBlob(ctx, b.Hash, o.now()); err != nil {
		return settee.Blob{}, fmt.Errorf("write a blob down: %w", err)
	}
	return b, nil
}
