package cli

import (
	"context"
	"strconv"
)

type workerList struct {
	connection
	asJSON
}

func (c *workerList) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	workers, err := admin.Workers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return documents(p.Out, workers)
	}
	rows := [][]string{{"NAME", "POOL", "ENGINE", "STATUS", "RUNNING", "SEEN", "NOTE"}}
	for _, w := range workers {
		note := w.Reason
		if w.ProbeAt != nil {
			note += "; gets a job on trial from " + moment(*w.ProbeAt)
		}
		rows = append(rows, []string{w.Name, w.Pool, w.Engine + " " + w.Version, w.Status, strconv.Itoa(w.Running), moment(w.SeenAt), note})
	}
	return table(p.Out, rows)
}
