package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"

	"github.com/settee/settee/internal/app"
	"github.com/settee/settee/internal/cli"
)

// start makes the server that the command line describes.
func start(ctx context.Context, s cli.Serve, log *slog.Logger) (cli.Server, error) {
	dialect := s.JobStatusDialect
	if dialect == "overview" {
		dialect = ""
	}
	runtime.KeepAlive(ballast)
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
		ComfyUI: app.ComfyUI{
			Places:  s.ComfyUI,
			Python:  s.ComfyUIPython,
			Args:    strings.Fields(s.ComfyUIArgs),
			Devices: s.ComfyUIDevices,
		},
		NoNative:  len(s.ComfyUI) > 0 && s.Native == nil || s.Native != nil && !*s.Native,
		Workers:   s.Workers,
		Memory:    int64(s.Memory),
		MaxUpload: int64(s.MaxUpload),
		Grace:     s.Grace,
		Version:   version(),
		Log:       log,
	})
	if errors.Is(err, app.ErrDataInUse) {
		return nil, &cli.DataInUse{Folder: s.Data}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}
