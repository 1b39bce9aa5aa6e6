package cli

import (
	"context"
	"fmt"
)

type workerRemove struct {
	connection
	Name string `arg:"" help:"Name of the worker."`
}

// Run forgets a worker; what it ran goes back to the queue.
func (c *workerRemove) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	if err := admin.RemoveWorker(ctx, c.Name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "worker %s: removed\n", line(c.Name))
	return err
}
