package cli

import (
	"context"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

type workerTokenList struct {
	connection
	asJSON
}

func (c *workerTokenList) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	keys, err := admin.Keys(ctx, "")
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(k client.Key) bool { return k.Scope != settee.ScopeWorker })
	if c.JSON {
		return documents(p.Out, keys)
	}
	rows := [][]string{{"TOKEN", "NAME", "POOL", "CREATED", "ID"}}
	for _, k := range keys {
		pool := k.Pool
		if pool == "" {
			pool = "any"
		}
		rows = append(rows, []string{k.Prefix + "…", k.Name, pool, moment(k.CreatedAt), k.ID})
	}
	return table(p.Out, rows)
}
