// Package blob keeps bytes under their blake3 hash. A blob appears whole or not
// at all: bytes are hashed while they are written, synced, then renamed into
// place and the folder synced, before anyone hears of them.
package blob

import (
	"context"
	"io"
	"time"

	"github.com/settee/settee"
)

// Store keeps blobs. Implementations: Disk here, S3 later.
type Store interface {
	// Put stores content and says what it was. Equal bytes are stored once.
	Put(ctx context.Context, content io.Reader) (settee.Blob, error)
	// Open reads a blob. The error wraps fs.ErrNotExist when there is none.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, error)
	// Delete removes a blob; removing what is not there is no error.
	Delete(ctx context.Context, hash string) error
	// Link is a URL that serves the blob without credentials until then, or ""
	// when the store has none of its own (then the server signs its own links).
	Link(ctx context.Context, hash, filename, mime string, until time.Time) (string, error)
}
