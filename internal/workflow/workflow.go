// Package workflow reads a graph in ComfyUI's API format without changing a
// byte of it, and judges it as ComfyUI would: same errors, same words (protocol
// note 3). A graph is never marshalled again; what must change is an Edit.
//
// What holds of a graph that Validate accepts: every node is an object with a
// known class and an object of inputs, and every link that running its outputs
// can follow leads to a node. Nothing in it can therefore stop a worker.
package workflow

import (
	"context"

	"github.com/settee/settee"
)

// Limits of a graph. ComfyUI has none; these keep one request from taking the
// memory of all.
const (
	MaxNodes  = 10_000
	MaxInputs = 500_000 // of all nodes together
)

// Files answers for an account's names while a graph is validated.
type Files interface {
	// Resolve finds the file that reference names ("cat.png", "dir/cat.png
	// [output]", a hash name) and says what bytes it has now. ok is false when
	// there is none.
	Resolve(ctx context.Context, reference string, folder settee.FileType) (b settee.Blob, ok bool, err error)
}
