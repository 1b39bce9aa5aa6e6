package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/settee/settee/internal/app"
	"github.com/settee/settee/internal/cli"
)

// startWorker makes the worker that the command line describes.
func startWorker(w cli.Worker, log *slog.Logger) (interface{ Run(context.Context) error }, error) {
	made, err := app.NewWorker(app.WorkerConfig{
		Server:   w.Server,
		Token:    w.Token,
		Name:     w.Name,
		Pool:     w.Pool,
		ComfyUI:  comfyUI(w.ComfyUI, w.ComfyUIPython, w.ComfyUIArgs, w.ComfyUIDevices),
		NoNative: noNative(w.ComfyUI, w.Native),
		Workers:  w.Workers,
		Memory:   int64(w.Memory),
		Data:     w.Data,
		Grace:    w.Grace,
		Version:  version(),
		Log:      log,
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func comfyUI(places []string, python, args string, devices []string) app.ComfyUI {
	return app.ComfyUI{Places: places, Python: python, Args: strings.Fields(args), Devices: devices}
}

// noNative reports whether the native engine is off: it is on where nothing
// else runs jobs, or when it is asked for.
func noNative(comfyui []string, native *bool) bool {
	if native == nil {
		return len(comfyui) > 0
	}
	return !*native
}
