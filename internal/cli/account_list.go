package cli

import (
	"context"

	"github.com/settee/settee/client"
)

type accountList struct {
	connection
	asJSON
}

func (c *accountList) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	accounts, err := admin.Accounts(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return documents(p.Out, accounts)
	}
	rows := [][]string{{"NAME", "TIER", "STATUS", "CREATED"}}
	for _, a := range accounts {
		rows = append(rows, []string{a.Name, a.Tier, accountStatus(a), moment(a.CreatedAt)})
	}
	return table(p.Out, rows)
}

func accountStatus(a client.Account) string {
	if a.Disabled {
		return "disabled"
	}
	return "active"
}
