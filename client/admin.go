package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/settee/settee"
)

// Admin is what operators do; the client's key must be an admin key.
type Admin struct{ client *Client }

// Admin gives the operators' calls.
func (c *Client) Admin() Admin { return Admin{c} }

// Account is an account as operators see it.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Tier      string    `json:"tier"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
}

// Accounts lists all accounts.
func (a Admin) Accounts(ctx context.Context) ([]Account, error) {
	var answer struct {
		Accounts []Account `json:"accounts"`
	}
	err := a.client.call(ctx, http.MethodGet, "/admin/accounts", nil, nil, &answer)
	return answer.Accounts, err
}

// Account shows one account.
func (a Admin) Account(ctx context.Context, name string) (Account, error) {
	var account Account
	err := a.client.call(ctx, http.MethodGet, "/admin/accounts/"+url.PathEscape(name), nil, nil, &account)
	return account, err
}

// CreateAccount makes an account; an empty tier is the server's choice.
func (a Admin) CreateAccount(ctx context.Context, name, tier string) (Account, error) {
	var account Account
	body, err := json.Marshal(map[string]string{"name": name, "tier": tier})
	if err != nil {
		return account, err
	}
	err = a.client.call(ctx, http.MethodPost, "/admin/accounts", nil, body, &account)
	return account, err
}

// DisableAccount shuts an account's keys out. Its jobs and files stay.
func (a Admin) DisableAccount(ctx context.Context, name string) (Account, error) {
	var account Account
	err := a.client.call(ctx, http.MethodPost, "/admin/accounts/"+url.PathEscape(name)+"/disable", nil, []byte("{}"), &account)
	return account, err
}

// Key is an API key as operators see it. Secret is there once, when it is made.
type Key struct {
	ID        string       `json:"id"`
	Account   string       `json:"account"` // empty for a key that is no account's
	Name      string       `json:"name"`
	Prefix    string       `json:"prefix"`
	Scope     settee.Scope `json:"scope"`
	Pool      string       `json:"pool,omitempty"` // of a worker's token: the only pool it may serve
	CreatedAt time.Time    `json:"created_at"`
	Secret    string       `json:"secret,omitempty"`
}

// Keys lists the keys of an account, or of all when none is named.
func (a Admin) Keys(ctx context.Context, account string) ([]Key, error) {
	query := url.Values{}
	set(query, "account", account)
	var answer struct {
		Keys []Key `json:"keys"`
	}
	err := a.client.call(ctx, http.MethodGet, "/admin/keys", query, nil, &answer)
	return answer.Keys, err
}

// CreateKey makes a key for an account.
func (a Admin) CreateKey(ctx context.Context, account, name string) (Key, error) {
	var key Key
	body, err := json.Marshal(map[string]string{"account": account, "name": name})
	if err != nil {
		return key, err
	}
	err = a.client.call(ctx, http.MethodPost, "/admin/keys", nil, body, &key)
	return key, err
}

// DeleteKey ends a key, named by its id or by the first characters of its
// secret.
func (a Admin) DeleteKey(ctx context.Context, key string) error {
	return a.client.call(ctx, http.MethodDelete, "/admin/keys/"+url.PathEscape(key), nil, nil, nil)
}
