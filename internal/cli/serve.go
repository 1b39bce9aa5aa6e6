package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dustin/go-humanize"
)

// Serve is how a server is to be.
type Serve struct {
	Listen           string        `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8188" placeholder:"HOST:PORT"`
	Data             string        `help:"Data folder: database, files, server.json." default:"./settee-data" placeholder:"DIR"`
	Database         string        `help:"sqlite (in the data folder) or a postgres:// URL." default:"sqlite" placeholder:"URL"`
	Secret           string        `help:"Root secret that links and partner keys derive from; needed with PostgreSQL, else kept in the data folder." placeholder:"TEXT"`
	BootstrapKey     string        `help:"The first key of account default, instead of a drawn one (for containers)." placeholder:"KEY"`
	Open             bool          `help:"Ask for no key, on loopback only: a drop-in for a local ComfyUI."`
	Previews         string        `help:"Who gets preview images: always, auto or never." enum:"always,auto,never" default:"auto" placeholder:"WHO"`
	JobStatusDialect string        `help:"Words of GET /api/job/{id}/status: overview, or raw as Comfy Cloud's scheduler." enum:"overview,raw" default:"overview" placeholder:"DIALECT"`
	TrustProxy       bool          `help:"Believe X-Forwarded-Proto and X-Forwarded-Host."`
	ComfyUI          []string      `name:"comfyui" sep:"none" help:"A real ComfyUI that does the work: the URL of a running one, or the folder of its main.py, which is then started and kept running. May be given several times." placeholder:"URL|DIR"`
	ComfyUIPython    string        `name:"comfyui-python" help:"Interpreter for ComfyUI folders; else their venv or .venv, else python3." placeholder:"PATH"`
	ComfyUIArgs      string        `name:"comfyui-args" help:"Further arguments of main.py, in one text: --comfyui-args='--lowvram --fast'." placeholder:"ARGS"`
	ComfyUIDevices   []string      `name:"comfyui-devices" help:"CUDA devices; a ComfyUI folder is started once for each, e.g. 0,1." placeholder:"N,…"`
	Native           *bool         `negatable:"" help:"Run the native engine; the default without --comfyui."`
	Workers          int           `help:"Native engines; 0: one a core."`
	Memory           bytes         `help:"Memory that the pictures of all native engines may take, e.g. 2GiB; 0: half of the machine's." default:"0" placeholder:"SIZE"`
	MaxUpload        bytes         `help:"How large an upload may be, e.g. 2GiB." default:"100MiB" placeholder:"SIZE"`
	Grace            time.Duration `help:"Time for running jobs at shutdown." default:"10s" placeholder:"TIME"`
	Lease            time.Duration `help:"How long a worker that is not heard of keeps its jobs." default:"15s" placeholder:"TIME"`
}

type serveCommand struct {
	Serve
	LogLevel  slog.Level `help:"debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	LogFormat string     `help:"text or json." enum:"text,json" default:"text" placeholder:"FORMAT"`
}

// Run serves until ctx ends. The URL is printed when the server answers there,
// and the first key when there is one.
func (c *serveCommand) Run(ctx context.Context, p *Program) error {
	server, err := p.Start(ctx, c.Serve, p.logger(c.LogLevel, c.LogFormat))
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "Settee listens on %s\n", server.URL())
	key, err := server.FirstKey(ctx)
	switch {
	case err != nil:
		return err
	case c.Open:
		fmt.Fprintln(p.Out, "It asks for no key.")
	case key != "":
		fmt.Fprintf(p.Out, "The key of account default, shown this once:\n%s\n", key)
	}
	err = server.Run(ctx)
	if stop, ok := errors.AsType[*Interrupted](context.Cause(ctx)); ok && err == nil {
		fmt.Fprintf(p.Err, "%s\n", stop.Error())
	}
	return err
}

// logger writes to standard error.
func (p *Program) logger(level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(p.Err, options))
	}
	return slog.New(slog.NewTextHandler(p.Err, options))
}

// bytes is a size that people write as 2GiB or 500MB.
type bytes int64

// UnmarshalText reads a size.
func (b *bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil {
		return err
	}
	*b = bytes(n)
	return nil
}
