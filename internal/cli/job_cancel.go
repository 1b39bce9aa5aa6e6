package cli

import (
	"context"
	"fmt"
)

type jobCancel struct {
	connection
	ID string `arg:"" name:"job" help:"The job's id."`
}

func (c *jobCancel) Run(ctx context.Context, p *Program) error {
	server, err := c.dial(p)
	if err != nil {
		return err
	}
	cancelled, err := server.Admin().Cancel(ctx, c.ID)
	if ownOnly(err) {
		var ownErr error
		cancelled, ownErr = server.Cancel(ctx, c.ID)
		err = ownAnswer(err, ownErr)
	}
	if err != nil {
		return err
	}
	text := "had ended already"
	if cancelled {
		text = "cancelled"
	}
	_, err = fmt.Fprintf(p.Out, "job %s: %s\n", line(c.ID), text)
	return err
}
