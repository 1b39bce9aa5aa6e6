package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/account"
	"github.com/settee/settee/internal/admission"
	remote "github.com/settee/settee/internal/api/worker"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/blob"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/metrics"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/secret"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/worker"
)

// App is a server, put together but not yet serving.
type App struct {
	cfg      Config
	lock     *flock.Flock
	db       *store.DB
	bus      bus.Bus
	root     secret.Root
	accounts *account.Service
	assets   *asset.Service
	queue    *queue.Service
	pools    *pool.Service
	admit    *admission.Service
	hub      *live.Hub
	metrics  *metrics.Metrics
	workers  []*worker.Worker
	comfy    []comfy
	remote   *remote.API
	listener net.Listener
	server   *http.Server
	ownKey   string // made by Key
	ownKeyID string
}

// New opens the data folder, brings the database up to date, makes what the
// first start needs, and starts to listen. Only one server at a time has a data
// folder.
func New(ctx context.Context, cfg Config) (*App, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg}
	if err := a.open(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// open takes the address first: a server that cannot have it leaves nothing.
func (a *App) open(ctx context.Context) (err error) {
	if a.listener, err = net.Listen("tcp", a.cfg.Listen); err != nil {
		return err
	}
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return err
	}
	a.lock = flock.New(filepath.Join(a.cfg.Data, "lock"))
	switch held, err := a.lock.TryLock(); {
	case err != nil:
		return err
	case !held:
		return fmt.Errorf("%w %s", ErrDataInUse, a.cfg.Data)
	}
	if a.root, err = a.secret(); err != nil {
		return err
	}
	if a.db, err = store.Open(ctx, a.database()); err != nil {
		return err
	}
	if err := a.services(ctx); err != nil {
		return err
	}
	return a.announce(ctx)
}

// ErrDataInUse says that a live server has the data folder.
var ErrDataInUse = errors.New("another server has the data folder")

func (a *App) secret() (secret.Root, error) {
	if a.cfg.Secret != "" {
		return secret.Parse(a.cfg.Secret)
	}
	return secret.Load(a.cfg.Data)
}

func (a *App) database() string {
	if a.cfg.Database == "sqlite" {
		return "sqlite:" + filepath.Join(a.cfg.Data, "settee.db")
	}
	return a.cfg.Database
}

// services builds the rooms from the ground up.
func (a *App) services(ctx context.Context) error {
	now := a.db.Clock()
	a.metrics = metrics.New(a.cfg.Version)
	a.db.OnCommit(a.metrics.Committed)
	a.bus = bus.NewLocal()
	disk, err := blob.NewDisk(filepath.Join(a.cfg.Data, "blobs"))
	if err != nil {
		return err
	}
	a.accounts = account.New(a.db, account.Options{Now: now})
	if err := a.accounts.Bootstrap(ctx); err != nil {
		return err
	}
	if err := a.chosenKey(ctx); err != nil {
		return err
	}
	id, err := a.identity()
	if err != nil {
		return err
	}
	a.assets = asset.New(a.db, disk, asset.Options{Now: now, Secret: a.root.Derive("links"), Stored: a.metrics.Stored})
	a.queue = queue.New(a.metrics.Queue(a.db, now), a.bus, queue.Options{Now: now, Boot: id + "/" + settee.NewID(), Lease: a.cfg.Lease, Log: a.cfg.Log})
	a.pools = pool.New(a.db, a.assets, now)
	a.admit = admission.New(a.pools, a.assets, a.queue, func(plain []byte) (string, error) {
		return a.root.Seal(partnerKeys, plain)
	})
	a.hub = live.New(a.bus, a.queue, live.Options{Now: now, Log: a.cfg.Log, Previews: a.cfg.Previews})
	a.metrics.Watch(a.hub, a.db, now)
	a.remote = remote.New(remote.Options{
		Queue: a.queue, Files: asset.Uploads{Service: a.assets}, Secret: a.root.Derive("receipts"), Unseal: a.unseal,
		Watched: a.hub.Watched, Now: now, Log: a.cfg.Log,
	})
	if _, err := a.bus.Subscribe(bus.Free, func(account []byte) { a.remote.Forget(string(account)) }); err != nil {
		return err
	}
	a.server = a.http()
	if err := a.comfyui(id); err != nil {
		return err
	}
	if a.cfg.NoNative {
		return nil
	}
	return a.native(a.workerNames(nativePool, id))
}

// URL is where the server answers.
func (a *App) URL() string { return "http://" + a.listener.Addr().String() }

// Run serves until ctx ends, then stops in order: no more claims, running jobs
// get the grace time, sockets are told to go (1001), requests finish.
func (a *App) Run(ctx context.Context) error {
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	if err := a.follow(ctx); err != nil {
		a.Close()
		return err
	}
	var (
		services sync.WaitGroup
		workers  sync.WaitGroup
		failed   = make(chan error, 1+len(a.workers))
	)
	services.Go(func() { supervise(background, a.comfy, a.cfg.Log) })
	services.Go(func() { a.pools.Run(background) })
	services.Go(func() {
		if err := a.queue.Run(background); err != nil && background.Err() == nil {
			failed <- fmt.Errorf("the queue stopped: %w", err)
		}
	})
	working, stopWorking := context.WithCancel(ctx)
	defer stopWorking()
	for _, w := range a.workers {
		workers.Go(func() {
			if err := w.Run(working); err != nil {
				a.cfg.Log.Warn("a worker stopped", "error", err)
			}
		})
	}
	services.Go(func() {
		if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving stopped: %w", err)
		}
	})
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopWorking()
	workers.Wait()
	tidy(a.comfy, a.cfg.Log)
	a.remote.Close()
	a.hub.Close()
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if stop := a.server.Shutdown(closing); stop != nil {
		a.cfg.Log.Warn("requests were cut off", "error", stop)
		a.server.Close()
	}
	stopBackground()
	services.Wait()
	a.Close()
	return err
}

// follow has the one account of open mode watched from the start, so that a
// client that comes back learns which node is current.
func (a *App) follow(ctx context.Context) error {
	if !a.cfg.Open {
		return nil
	}
	account, err := a.accounts.Default(ctx)
	if err != nil {
		return err
	}
	return a.hub.Follow(ctx, account.ID)
}

// Close lets go of everything New took. Run does it too.
func (a *App) Close() {
	if a.remote != nil {
		a.remote.Close()
	}
	if a.listener != nil {
		a.listener.Close()
	}
	if a.bus != nil {
		if err := a.bus.Close(); err != nil {
			a.cfg.Log.Warn("closing the bus", "error", err)
		}
	}
	if a.db != nil {
		a.dropKey(context.Background())
		if err := a.db.Close(); err != nil {
			a.cfg.Log.Warn("closing the database", "error", err)
		}
		a.db = nil
	}
	if a.lock != nil {
		if err := a.lock.Unlock(); err != nil {
			a.cfg.Log.Warn("unlocking the data folder", "error", err)
		}
	}
}
