package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Worker is how a worker of a server elsewhere is to be.
type Worker struct {
	Server         string        `help:"URL of the server." placeholder:"URL"`
	Token          string        `help:"Token that lets the worker in; settee worker token create makes one." placeholder:"TOKEN"`
	Name           string        `help:"The worker's name, the same after a restart; else the machine's." placeholder:"NAME"`
	Pool           string        `help:"The pool it serves; else the token's, or one named after the engine." placeholder:"POOL"`
	ComfyUI        []string      `name:"comfyui" sep:"none" help:"A real ComfyUI that does the work: the URL of a running one, or the folder of its main.py, which is then started and kept running. May be given several times." placeholder:"URL|DIR"`
	ComfyUIPython  string        `name:"comfyui-python" help:"Interpreter for ComfyUI folders; else their venv or .venv, else python3." placeholder:"PATH"`
	ComfyUIArgs    string        `name:"comfyui-args" help:"Further arguments of main.py, in one text: --comfyui-args='--lowvram --fast'." placeholder:"ARGS"`
	ComfyUIDevices []string      `name:"comfyui-devices" help:"CUDA devices; a ComfyUI folder is started once for each, e.g. 0,1." placeholder:"N,…"`
	Native         *bool         `negatable:"" help:"Run the native engine; the default without --comfyui."`
	Workers        int           `help:"Native engines; 0: one a core."`
	Memory         bytes         `help:"Memory that the pictures of all native engines may take, e.g. 2GiB; 0: half of the machine's." default:"0" placeholder:"SIZE"`
	Data           string        `help:"Folder for what ComfyUI processes keep." default:"./settee-worker" placeholder:"DIR"`
	Grace          time.Duration `help:"Time for running jobs at the end." default:"10s" placeholder:"TIME"`
}

// StartWorker puts a worker together; log takes what it has to say.
type StartWorker func(w Worker, log *slog.Logger) (interface {
	Run(ctx context.Context) error // works until ctx ends, then stops in order
}, error)

type workerStart struct {
	Worker
	LogLevel  slog.Level `help:"debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	LogFormat string     `help:"text or json." enum:"text,json" default:"text" placeholder:"FORMAT"`
}

// Run works for a server until ctx ends.
func (c *workerStart) Run(ctx context.Context, p *Program) error {
	w, err := p.StartWorker(c.Worker, p.logger(c.LogLevel, c.LogFormat))
	if err != nil {
		return refuse("%v", err)
	}
	err = w.Run(ctx)
	if stop, ok := errors.AsType[*Interrupted](context.Cause(ctx)); ok && err == nil {
		fmt.Fprintf(p.Err, "%s\n", stop.Error())
	}
	return err
}
