package client

import (
	"context"
	"net/http"
)

// Ready reports whether the server takes jobs now; the error says why not.
// Only a Settee answers there.
func (c *Client) Ready(ctx context.Context) error {
	r, err := c.request(ctx, http.MethodGet, "/readyz", nil, nil)
	if err != nil {
		return err
	}
	res, err := c.send(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
