package cli

import "context"

type keyList struct {
	connection
	asJSON
	Account string `arg:"" optional:"" help:"Name of the account; all when left out."`
}

func (c *keyList) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	keys, err := admin.Keys(ctx, c.Account)
	if err != nil {
		return err
	}
	if c.JSON {
		return documents(p.Out, keys)
	}
	rows := [][]string{{"KEY", "ACCOUNT", "NAME", "SCOPE", "CREATED", "ID"}}
	for _, k := range keys {
		rows = append(rows, []string{k.Prefix + "…", k.Account, k.Name, string(k.Scope), moment(k.CreatedAt), k.ID})
	}
	return table(p.Out, rows)
}
