package app

import (
	"context"
	"fmt"

	"github.com/settee/settee/internal/account"
)

// defaultAccount is the account that every server has.
const defaultAccount = "default"

// chosenKey makes the first key that the configuration chose.
func (a *App) chosenKey(ctx context.Context) error {
	if a.cfg.BootstrapKey == "" {
		return nil
	}
	made, err := a.accounts.FirstKey(ctx, a.cfg.BootstrapKey)
	if made != "" && account.Guessable(made) {
		a.cfg.Log.Warn("the chosen first key is so short that it can be guessed")
	}
	return err
}

// FirstKey is the first key of account default, drawn at the first call on a
// database: "" at every later one, where nobody needs a key, and where the
// configuration chose it.
func (a *App) FirstKey(ctx context.Context) (string, error) {
	if a.cfg.Open || a.cfg.BootstrapKey != "" {
		return "", nil
	}
	return a.accounts.FirstKey(ctx, "")
}

// Key is a key of account default for this process. Close ends it again.
func (a *App) Key(ctx context.Context) (string, error) {
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
