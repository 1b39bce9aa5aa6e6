package cli

import (
	"context"
	"strconv"

	"github.com/settee/settee/client"
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
	rows := [][]string{{"NAME", "POOL", "ENGINE", "STATUS", "RUNNING", "SEEN"}}
	for _, w := range workers {
		rows = append(rows, []string{w.Name, w.Pool, w.Engine + " " + w.Version, workerStatus(w), strconv.Itoa(w.Running), moment(w.SeenAt)})
	}
	return table(p.Out, rows)
}

func workerStatus(w client.Worker) string {
	switch {
	case w.Sessions == 0:
		return "away"
	case w.Drained && w.Running > 0:
		return "draining"
	case w.Drained:
		return "drained"
	}
	return "ready"
}
