package cli

import (
	"context"
	"fmt"
)

type keyCreate struct {
	connection
	Account string `arg:"" help:"Name of the account."`
	Name    string `help:"What to call the key, for your own memory." placeholder:"NAME"`
}

// Run prints the key and nothing else on standard output, so that a shell can
// capture it.
func (c *keyCreate) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	key, err := admin.CreateKey(ctx, c.Account, c.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Err, "key %s of account %s; it is shown this once:\n", line(key.ID), line(c.Account))
	_, err = fmt.Fprintln(p.Out, line(key.Secret))
	return err
}
