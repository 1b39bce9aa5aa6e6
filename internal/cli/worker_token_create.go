package cli

import (
	"context"
	"fmt"
)

type workerTokenCreate struct {
	connection
	Name string `help:"What to call the token, for your own memory." placeholder:"NAME"`
	Pool string `help:"The only pool that its workers may serve; any when left out." placeholder:"POOL"`
}

// Run prints the token and nothing else on standard output, so that a shell can
// capture it.
func (c *workerTokenCreate) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	key, err := admin.CreateWorkerToken(ctx, c.Name, c.Pool)
	if err != nil {
		return err
	}
	pool := "any pool"
	if key.Pool != "" {
		pool = "pool " + line(key.Pool)
	}
	fmt.Fprintf(p.Err, "token %s for workers of %s; it is shown this once:\n", line(key.ID), pool)
	_, err = fmt.Fprintln(p.Out, line(key.Secret))
	return err
}
