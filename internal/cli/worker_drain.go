package cli

import (
	"context"
	"fmt"
)

type workerDrain struct {
	connection
	Name string `arg:"" help:"Name of the worker."`
}

// Run has a worker take no new jobs.
func (c *workerDrain) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	w, err := admin.DrainWorker(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "worker %s: takes no new jobs; %d still run\n", line(w.Name), w.Running)
	return err
}

type workerResume struct {
	connection
	Name string `arg:"" help:"Name of the worker."`
}

// Run has a worker that is drained, or out, take jobs again.
func (c *workerResume) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	w, err := admin.ResumeWorker(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "worker %s: takes jobs\n", line(w.Name))
	return err
}
