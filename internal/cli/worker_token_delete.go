package cli

import (
	"context"
	"fmt"
	"strings"
)

type workerTokenDelete struct {
	connection
	ID string `arg:"" name:"token" help:"The token's id, or its first characters as worker token list shows them."`
}

// Run ends a token. Its workers are cut off; what they ran goes back to the
// queue.
func (c *workerTokenDelete) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	id := strings.TrimSuffix(c.ID, "…")
	if err := admin.DeleteKey(ctx, id); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "token %s: deleted\n", line(id))
	return err
}
