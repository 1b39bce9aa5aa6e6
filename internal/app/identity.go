package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/settee/settee"
)

// identityFile is the name, in the data folder, of the file that tells this
// server from others on the same database.
const identityFile = "server.id"

// identity is the same at every start on a data folder. By it a server that
// comes back after a crash knows the sessions it left behind, and leaves those
// of other servers alone.
func (a *App) identity() (string, error) {
	path := filepath.Join(a.cfg.Data, identityFile)
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); id != "" && !strings.Contains(id, "/") {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := settee.NewID()
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(id+"\n"), 0o600); err != nil {
		return "", err
	}
	return id, os.Rename(tmp, path)
}
