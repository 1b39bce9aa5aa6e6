package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pbnjay/memory"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/worker"
)

// WorkerConfig is a worker on a machine of its own.
type WorkerConfig struct {
	Server   string        // URL
	Token    string        // lets it in
	Name     string        // the same after a restart; empty: the machine's
	Pool     string        // empty: the token's, else named after the engine
	ComfyUI  ComfyUI       // real ComfyUI processes
	NoNative bool          // no native engine
	Native   engine.Engine // stands in for the native engine; nil: none does
	Workers  int           // native engines; 0: one a core
	Memory   int64         // bytes that the pictures of all native engines may take; 0: half of the machine's
	Data     string        // folder for ComfyUI processes
	Grace    time.Duration // for running jobs at the end
	Version  string
	Log      *slog.Logger
}

// Worker is one or more workers of a server elsewhere.
type Worker struct {
	cfg     WorkerConfig
	server  *client.Client
	workers []*worker.Worker
	comfy   []comfy
}

// NewWorker puts workers together: one for each ComfyUI process, or native ones.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg}
	var err error
	if w.server, err = client.New(cfg.Server, cfg.Token, client.WithUserAgent("settee/"+cfg.Version),
		client.WithHTTPClient(&http.Client{Transport: client.WorkerTransport()})); err != nil {
		return nil, err
	}
	if w.comfy, err = cfg.ComfyUI.open(cfg.Data, cfg.Log); err != nil {
		return nil, err
	}
	engines := make([]engine.Engine, 0, len(w.comfy)+cfg.Workers)
	for _, c := range w.comfy {
		engines = append(engines, c.engine)
	}
	if !cfg.NoNative {
		engines = append(engines, cfg.native()...)
	}
	if len(engines) == 0 {
		return nil, errors.New("a worker needs an engine: a ComfyUI or the native one")
	}
	for i, e := range engines {
		name := cfg.Name
		if len(engines) > 1 {
			name = fmt.Sprintf("%s-%d", cfg.Name, i+1)
		}
		if err := settee.CheckWorker(name); err != nil {
			return nil, err
		}
		k := w.server.Coordinator(cfg.Log)
		if f, ok := e.(forgetter); ok {
			k.OnForget(f.Forget)
		}
		w.workers = append(w.workers, worker.New(k, k.Files(), e, worker.Options{
			Name: name, Pool: cfg.Pool, Grace: cfg.Grace, Log: cfg.Log,
		}))
	}
	return w, nil
}

func (c *WorkerConfig) defaults() error {
	if c.Server == "" || c.Token == "" {
		return errors.New("a worker needs a server's URL and a token (settee worker token create makes one)")
	}
	if c.Pool != "" {
		if err := settee.CheckPool(c.Pool); err != nil {
			return err
		}
		if len(c.ComfyUI.Places) > 0 && !c.NoNative {
			return errors.New("workers of one pool run the same nodes: give --pool to a ComfyUI or to the native engine, not to both")
		}
	}
	if c.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("name the worker: %w", err)
		}
		c.Name, _, _ = strings.Cut(name, ".")
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Memory <= 0 {
		c.Memory = int64(memory.TotalMemory() / 2)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}

// native is the native engine, once for each job that it runs at a time.
func (c *WorkerConfig) native() []engine.Engine {
	shared := c.Native
	if shared == nil {
		shared = native.New(native.Options{MemoryLimit: c.Memory, Parallel: c.Workers})
	}
	all := []engine.Engine{shared}
	for len(all) < c.Workers {
		all = append(all, beside{shared})
	}
	return all
}

// Run works until ctx ends: it takes no more jobs then, gives those that run
// the grace time and hands back what is left. A server that is away is waited
// for; one that does not let the worker in is an error.
func (w *Worker) Run(ctx context.Context) error {
	defer w.server.CloseIdle()
	if err := w.admitted(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var processes, workers sync.WaitGroup
	processes.Go(func() { supervise(background, w.comfy, w.cfg.Log) })
	failed := make([]error, len(w.workers))
	for i, one := range w.workers {
		workers.Go(func() { failed[i] = one.Run(ctx) })
	}
	workers.Wait()
	tidy(w.comfy, w.cfg.Log)
	stop()
	processes.Wait()
	return errors.Join(failed...)
}

// admitted waits until the server has answered whether it lets the worker in.
func (w *Worker) admitted(ctx context.Context) error {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := w.server.Coordinator(w.cfg.Log).Check(ctx)
		switch status := client.StatusOf(err); {
		case err == nil || ctx.Err() != nil:
			return nil //nolint:nilerr // it was asked to stop
		case status >= 400 && status < 406, settee.CodeOf(err) == settee.CodeUnsupported:
			return fmt.Errorf("the server %s does not take this worker: %w", w.server.URL(), err)
		}
		w.cfg.Log.Warn("the server is not there yet", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}
