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
	return c.deleteKey(ctx, p, "key", c.ID)
}

// deleteKey ends the key of that id or shown prefix; kind is what it is called.
func (c *connection) deleteKey(ctx context.Context, p *Program, kind, id string) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	id = strings.TrimSuffix(id, "…")
	if err := admin.DeleteKey(ctx, id); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "%s %s: deleted\n", kind, line(id))
	return err
}
