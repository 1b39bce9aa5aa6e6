package cli

import (
	"context"
	"fmt"
)

type accountDisable struct {
	connection
	Name string `arg:"" help:"Name of the account."`
}

func (c *accountDisable) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	account, err := admin.DisableAccount(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "account %s: disabled\n", line(account.Name))
	return err
}
