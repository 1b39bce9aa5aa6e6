package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/worker"
)

// partnerKeys is the purpose of the key that seals partner keys.
const partnerKeys = "partner"

// nativePool is the pool of the embedded engines.
const nativePool = "native"

// workerNames is what the names of this server's workers in a pool begin with:
// the pool, and where other servers may have workers on the database, the
// server too.
func (a *App) workerNames(pool, server string) string {
	if a.cfg.Database == "sqlite" {
		return pool
	}
	return pool + "-" + server[max(0, len(server)-8):]
}

// native makes the embedded workers. They share one engine: what one has
// computed is there for all.
func (a *App) native(names string) error {
	shared := a.cfg.Native
	if shared == nil {
		shared = native.New(native.Options{MemoryLimit: a.cfg.Memory, Parallel: a.cfg.Workers})
	}
	if err := a.forgetting(shared); err != nil {
		return err
	}
	for i := range a.cfg.Workers {
		own := shared
		if i > 0 {
			own = beside{shared}
		}
		a.workers = append(a.workers, worker.New(a.queue, asset.Outputs{Service: a.assets}, own, worker.Options{
			Name:   fmt.Sprintf("%s-%d", names, i+1),
			Pool:   nativePool,
			Grace:  a.cfg.Grace,
			Log:    a.cfg.Log,
			Unseal: a.unseal,
		}))
	}
	return nil
}

// beside is an engine whose devices another worker of it tells already.
type beside struct{ engine.Engine }

// Describe is the engine's own, without the devices.
func (b beside) Describe(ctx context.Context) (settee.Description, error) {
	d, err := b.Engine.Describe(ctx)
	d.Devices = json.RawMessage("[]")
	return d, err
}

// unseal opens the partner keys of a lease.
func (a *App) unseal(secrets []byte) ([]byte, error) {
	var text string
	if err := json.Unmarshal(secrets, &text); err != nil {
		return nil, err
	}
	return a.root.Open(partnerKeys, text)
}
