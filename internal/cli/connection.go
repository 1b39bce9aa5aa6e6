package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// connection is how a command finds its server: by --server and --key, or, on
// the server's own machine, by what the server wrote into its data folder.
type connection struct {
	Server string `help:"URL of the server." placeholder:"URL"`
	Key    string `help:"API key; an admin key for operators' commands." placeholder:"KEY"`
	Data   string `help:"Data folder of a server on this machine: its URL and an admin key are found there." default:"./settee-data" placeholder:"DIR"`
}

// dial makes a client. It asks nothing yet.
func (c connection) dial(p *Program) (*client.Client, error) {
	url, key := c.Server, c.Key
	if url == "" {
		found, err := findServer(c.Data)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no server is known: %s has no %s. Start one here with `settee serve`, or name one with --server and --key (SETTEE_SERVER, SETTEE_KEY)", c.Data, settee.ServerFile)
		}
		if err != nil {
			return nil, err
		}
		url = found.URL
		if key == "" {
			key = found.Key
		}
	}
	return client.New(url, key, client.WithUserAgent("settee/"+p.Version))
}

// findServer reads what a server wrote into its data folder.
func findServer(data string) (found settee.Server, err error) {
	path := filepath.Join(data, settee.ServerFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return found, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// admin is dial for operators' commands.
func (c connection) admin(p *Program) (client.Admin, error) {
	made, err := c.dial(p)
	if err != nil {
		return client.Admin{}, err
	}
	return made.Admin(), nil
}

// ownAnswer is the error to show when the operators' call and then the own
// account's call were tried: an operator's key may not ask for its own.
func ownAnswer(operator, own error) error {
	switch client.StatusOf(own) {
	case 401, 403:
		return operator
	}
	return own
}

// ownOnly reports whether err says that a key is no operator's, or that the
// server has no operators' calls: the command then speaks for the key's own
// account.
func ownOnly(err error) bool {
	switch client.StatusOf(err) {
	case 401, 403, 404, 405, 501:
		return true
	}
	return false
}
