package cli

import (
	"context"
	"fmt"
)

type accountCreate struct {
	connection
	asJSON
	Name string `arg:"" help:"Name of the account."`
	Tier string `help:"Tier: free, standard, creator, pro or local." default:"creator" placeholder:"TIER"`
}

func (c *accountCreate) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	account, err := admin.CreateAccount(ctx, c.Name, c.Tier)
	if err != nil {
		return err
	}
	if c.JSON {
		return document(p.Out, account)
	}
	_, err = fmt.Fprintf(p.Out, "account %s: tier %s. `settee key create %s` makes a key for it.\n", line(account.Name), line(account.Tier), line(account.Name))
	return err
}
