package workflow

import (
	"context"

	"github.com/settee/settee"
)

// Verdict is what Validate found. With Refusal nil the graph may run: Outputs
// are the output nodes to run, in the graph's order; NodeErrors is about
// outputs that are left out.
type Verdict struct {
	Refusal    *Refusal
	NodeErrors NodeErrors
	Outputs    []string
	Edits      []settee.Edit     // converted literals, in ascending order
	Inputs     []settee.JobInput // files that the graph names, pinned
}

// Validate judges a graph by a catalog. Targets names the output nodes to
// consider, nil means all. The error is that of files or ctx; whatever is wrong
// with the graph is in the verdict. (operationId executePrompt; protocol note 3)
func Validate(ctx context.Context, g *Graph, c *Catalog, targets []string, files Files) (*Verdict, error) {
	return nil, nil
}
