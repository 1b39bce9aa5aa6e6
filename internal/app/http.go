package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/admin"
	"github.com/settee/settee/internal/api/v1"
	"github.com/settee/settee/internal/api/v2"
)

// http is the server with every surface mounted.
func (a *App) http() *http.Server {
	router := api.New(api.Deps{Accounts: a.accounts, Open: a.cfg.Open, Log: a.cfg.Log, Now: time.Now, Served: a.metrics.Served})
	surface := &v1.API{
		Queue:         a.queue,
		Admission:     a.metrics.Admission(a.admit, time.Now),
		Pools:         a.pools,
		Assets:        a.assets,
		Live:          a.hub,
		Open:          a.cfg.Open,
		TrustProxy:    a.cfg.TrustProxy,
		StatusDialect: a.cfg.StatusDialect,
		Version:       a.cfg.Version,
		MaxUpload:     a.cfg.MaxUpload,
		Ready:         a.ready,
		Free:          a.free,
		Now:           time.Now,
	}
	surface.Mount(router)
	next := &v2.API{}
	next.Mount(router)
	operators := &admin.API{Accounts: a.accounts, Jobs: a.queue, Workers: a.queue}
	operators.Mount(router)
	a.remote.Mount(router)
	a.mountMetrics(router)
	return &http.Server{
		Handler:           router,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
}

var errNoPool = errors.New("no worker has come up yet")

// readyIn is how soon the database must answer for the server to be ready.
const readyIn = 2 * time.Second

// ready says why a job could not be taken now.
func (a *App) ready(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, readyIn)
	defer done()
	pools, err := a.pools.Pools(ctx)
	if err != nil {
		return err
	}
	if len(pools) == 0 {
		return errNoPool
	}
	return nil
}
