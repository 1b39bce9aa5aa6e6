package app

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/settee/settee"
)

// announce writes settee.ServerFile, mode 0600, keeping the key of an earlier start.
func (a *App) announce(ctx context.Context) error {
	path := filepath.Join(a.cfg.Data, settee.ServerFile)
	var known settee.Server
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.cfg.Log.Warn("server.json is unreadable and made anew", "error", err)
	}
	if known.Key != "" {
		if _, _, err := a.accounts.Authenticate(ctx, known.Key); err != nil {
			known.Key = ""
		}
	}
	if known.Key == "" {
		if known.Key, _, err = a.accounts.CreateAdminKey(ctx, "server.json"); err != nil {
			return err
		}
	}
	known.URL = a.URL()
	text, err = json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
