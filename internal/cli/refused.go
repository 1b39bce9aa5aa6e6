package cli

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// refused tells why a server did not take a workflow: each node's error as a
// person reads it. Errors that are not the workflow's are given back as they
// are.
func (p *Program) refused(err error, g *workflow.Graph, ndjson bool) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusBadRequest {
		return err
	}
	if ndjson {
		p.emit("error", problem{Message: e.Message, Code: e.Code, Details: e.Details, NodeErrors: e.NodeErrors})
	}
	why := nodeLines(e.NodeErrors, g)
	if len(why) == 0 {
		why = []string{e.Text()}
	}
	fmt.Fprintln(p.Err, "settee: the workflow is refused")
	for _, text := range why {
		fmt.Fprintf(p.Err, "  %s\n", line(text))
	}
	return &told{&quiet{codeRefused}}
}

// nodeLines is what is wrong with each node, a line each; what cannot be read
// is nothing.
func nodeLines(raw []byte, g *workflow.Graph) []string {
	if len(raw) == 0 {
		return nil
	}
	nodes, err := workflow.ParseNodeErrors(raw)
	if err != nil {
		return nil
	}
	return nodes.Lines(g)
}
