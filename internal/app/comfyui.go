package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/process"
	"github.com/settee/settee/internal/worker"
)

// comfyPool is the pool of the real ComfyUI processes.
const comfyPool = "comfyui"

// comfyDepth is how many jobs each of them takes at once: the next lies ready when
// one ends.
const comfyDepth = 2

// ComfyUI says which real ComfyUI processes do the work.
type ComfyUI struct {
	Places  []string // URLs of running servers, or folders of main.py to start
	Python  string   // interpreter for folders; empty: the virtual environment beside main.py
	Args    []string // further arguments of main.py
	Devices []string // for folders: one process for each CUDA device; none: one process
}

// comfy is one real ComfyUI.
type comfy struct {
	engine  *comfyui.Engine
	process *process.Process // nil where the server is not ours
}

// comfyui makes a worker for each real ComfyUI.
func (a *App) comfyui(server string) error {
	var err error
	if a.comfy, err = a.cfg.ComfyUI.open(a.cfg.Data, a.cfg.Log); err != nil {
		return err
	}
	for i, c := range a.comfy {
		if err := a.forgetting(c.engine); err != nil {
			return err
		}
		a.workers = append(a.workers, worker.New(a.queue, asset.Outputs{Service: a.assets}, c.engine, worker.Options{
			Name:   fmt.Sprintf("%s-%d", a.workerNames(comfyPool, server), i+1),
			Pool:   comfyPool,
			Grace:  a.cfg.Grace,
			Log:    a.cfg.Log,
			Unseal: a.unseal,
		}))
	}
	return nil
}

// open makes the engines of all places; what they keep goes into folders below
// data.
func (c ComfyUI) open(data string, log *slog.Logger) (all []comfy, err error) {
	for _, place := range c.Places {
		engines, err := c.place(place, len(all), data, log)
		if err != nil {
			return nil, err
		}
		all = append(all, engines...)
	}
	return all, nil
}

// place is the engine of a URL, or those of a folder's processes.
func (c ComfyUI) place(place string, before int, data string, log *slog.Logger) ([]comfy, error) {
	if strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://") {
		return []comfy{{engine: comfyui.New(comfyui.Options{URL: place, Depth: comfyDepth, Log: log})}}, nil
	}
	if _, err := os.Stat(filepath.Join(place, "main.py")); err != nil {
		return nil, fmt.Errorf("%q is neither a URL nor the folder of a ComfyUI: %w", place, err)
	}
	devices := c.Devices
	if len(devices) == 0 {
		devices = []string{""}
	}
	var all []comfy
	for _, device := range devices {
		name := fmt.Sprintf("comfyui-%d", before+len(all)+1)
		p, err := process.New(process.Options{
			Dir:    place,
			Python: c.Python,
			Data:   filepath.Join(data, name),
			Args:   c.Args,
			Device: device,
			Name:   name,
			Log:    log,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, comfy{comfyui.New(comfyui.Options{Process: p, Depth: comfyDepth, Log: log}), p})
	}
	return all, nil
}

// supervise runs the processes that are ours until ctx ends.
func supervise(ctx context.Context, engines []comfy, log *slog.Logger) {
	var all sync.WaitGroup
	for _, c := range engines {
		if c.process == nil {
			continue
		}
		all.Go(func() {
			if err := c.process.Run(ctx); err != nil && ctx.Err() == nil {
				log.Error("a ComfyUI process is given up", "error", err)
			}
		})
	}
	all.Wait()
}

// tidy has the engines remove what they left, once nothing runs on them.
func tidy(engines []comfy, log *slog.Logger) {
	for _, c := range engines {
		if err := c.engine.Close(); err != nil {
			log.Warn("tidying up behind ComfyUI", "error", err)
		}
	}
}
