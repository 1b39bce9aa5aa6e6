package cli

import (
	"encoding/json"
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
		nodes := e.NodeErrors
		if nodes == nil {
			nodes = json.RawMessage("{}")
		}
		p.emit("refused", struct {
			Error      map[string]string `json:"error"`
			NodeErrors json.RawMessage   `json:"node_errors"`
		}{map[string]string{"type": e.Type, "message": e.Message, "details": e.Details}, nodes})
		return &quiet{codeRefused}
	}
	told := nodeLines(e.NodeErrors, g)
	if len(told) == 0 {
		text := e.Message
		if e.Details != "" && e.Details != e.Message {
			text += ": " + e.Details
		}
		told = []string{text}
	}
	fmt.Fprintln(p.Err, "settee: the workflow is refused")
	for _, text := range told {
		fmt.Fprintf(p.Err, "  %s\n", line(text))
	}
	return &quiet{codeRefused}
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
