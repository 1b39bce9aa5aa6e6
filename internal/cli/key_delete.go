package cli

import (
	"context"
	"fmt"
	"strings"
)

type keyDelete struct {
	connection
	ID string `arg:"" name:"key" help:"The key's id, or its first characters as key list shows them."`
}

func (c *keyDelete) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	id := strings.TrimSuffix(c.ID, "…")
	if err := admin.DeleteKey(ctx, id); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "key %s: deleted\n", line(id))
	return err
}
