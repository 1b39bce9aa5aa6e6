package app

import (
	"context"
	"fmt"
)

// defaultAccount is the account that every server has.
const defaultAccount = "default"

// Key is a key of account default for this process: the first key where this
// start made one, else one that Close ends again.
func (a *App) Key(ctx context.Context) (string, error) {
	if a.firstKey != "" {
		return a.firstKey, nil
	}
	if a.ownKey == "" {
		secret, key, err := a.accounts.CreateKey(ctx, defaultAccount, "this process")
		if err != nil {
			return "", fmt.Errorf("a key for this process: %w", err)
		}
		a.ownKey, a.ownKeyID = secret, key.ID
	}
	return a.ownKey, nil
}

// dropKey ends the process's own key.
func (a *App) dropKey(ctx context.Context) {
	if a.ownKeyID == "" {
		return
	}
	if err := a.accounts.DeleteKey(ctx, a.ownKeyID); err != nil {
		a.cfg.Log.Warn("ending the process's own key", "error", err)
	}
	a.ownKeyID = ""
}
