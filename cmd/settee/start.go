package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/settee/settee/internal/app"
	"github.com/settee/settee/internal/cli"
)

// start makes the server that the command line describes.
func start(ctx context.Context, s cli.Serve, log *slog.Logger) (cli.Server, error) {
	dialect := s.JobStatusDialect
	if dialect == "overview" {
		dialect = ""
	}
	takeBallast()
	a, err := app.New(ctx, app.Config{
		Listen:        s.Listen,
		Data:          s.Data,
		Database:      s.Database,
		Secret:        s.Secret,
		BootstrapKey:  s.BootstrapKey,
		Open:          s.Open,
		Previews:      s.Previews,
		StatusDialect: dialect,
		TrustProxy:    s.TrustProxy,
		ComfyUI:       comfyUI(s.ComfyUI, s.ComfyUIPython, s.ComfyUIArgs, s.ComfyUIDevices),
		NoNative:      noNative(s.ComfyUI, s.Native),
		Workers:       s.Workers,
		Memory:        int64(s.Memory),
		MaxUpload:     int64(s.MaxUpload),
		Grace:         s.Grace,
		Lease:         s.Lease,
		Version:       version(),
		Log:           log,
	})
	if errors.Is(err, app.ErrDataInUse) {
		return nil, &cli.DataInUse{Folder: s.Data}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}
