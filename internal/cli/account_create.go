package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/settee/settee/client"
)

type accountCreate struct {
	connection
	asJSON
	Name string `arg:"" help:"Name of the account."`
	Tier string `help:"Tier: free, standard, creator, pro or local." default:"creator" placeholder:"TIER"`
}

// tiers are those that every server has.
var tiers = []string{"free", "standard", "creator", "pro", "local"}

func (c *accountCreate) Run(ctx context.Context, p *Program) error {
	admin, err := c.admin(p)
	if err != nil {
		return err
	}
	account, err := admin.CreateAccount(ctx, c.Name, c.Tier)
	if client.StatusOf(err) == http.StatusBadRequest {
		if !slices.Contains(tiers, c.Tier) {
			return refuse("%s The tiers are %s.", err, strings.Join(tiers, ", "))
		}
		return refuse("%s", err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return document(p.Out, account)
	}
	_, err = fmt.Fprintf(p.Out, "account %s: tier %s. `settee key create %s` makes a key for it.\n", line(account.Name), line(account.Tier), line(account.Name))
	return err
}
