package cli

import "context"

type accountShow struct {
	connection
	asJSON
	Name string `arg:"" help:"Name of the account."`
}

func (c *accountShow) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	a, err := admin.Account(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return document(p.Out, a)
	}
	return fields(p.Out, "name", a.Name, "tier", a.Tier, "status", accountStatus(a), "created", moment(a.CreatedAt), "id", a.ID)
}
