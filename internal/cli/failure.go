package cli

import (
	"fmt"
	"strings"

	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// blame says why a job failed, and where; "" when nothing is known. g may be
// nil.
func blame(e *client.ExecutionError, g *workflow.Graph) string {
	if e == nil {
		return ""
	}
	message := strings.TrimSpace(printable(e.Message))
	if message == "" {
		message = line(e.Type)
	}
	if e.NodeID == "" {
		return message
	}
	title := e.NodeType
	if g != nil && g.Node(e.NodeID) != nil {
		title = g.Title(e.NodeID)
	}
	kind := ""
	if e.NodeType != "" && e.NodeType != title {
		kind = " (" + line(e.NodeType) + ")"
	}
	return fmt.Sprintf("node %s %q%s: %s", line(e.NodeID), line(title), kind, message)
}
