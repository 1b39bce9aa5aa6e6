package cli

import "context"

type workerTokenDelete struct {
	connection
	ID string `arg:"" name:"token" help:"The token's id, or its first characters as worker token list shows them."`
}

// Run ends a token. Its workers are cut off; what they ran goes back to the
// queue.
func (c *workerTokenDelete) Run(ctx context.Context, p *Program) error {
	return c.deleteKey(ctx, p, "token", c.ID)
}
