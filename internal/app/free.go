package app

import (
	"context"

	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/engine"
)

// free asks all workers to forget the results they keep for an account.
func (a *App) free(ctx context.Context, accountID string) error {
	return a.bus.Publish(ctx, bus.Free, []byte(accountID))
}

// forgetter is an engine that keeps results.
type forgetter interface {
	// Forget drops what is kept for an account; it never waits.
	Forget(accountID string)
}

// forgetting passes on to an engine what free asks for, until the bus closes.
func (a *App) forgetting(e engine.Engine) error {
	f, ok := e.(forgetter)
	if !ok {
		return nil
	}
	_, err := a.bus.Subscribe(bus.Free, func(account []byte) { f.Forget(string(account)) })
	return err
}
