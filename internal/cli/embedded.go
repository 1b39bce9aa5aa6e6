package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// embedded is a server that lives as long as one command.
type embedded struct {
	server  Server
	folder  string // a throw-away data folder, "" when the caller keeps it
	stop    context.CancelFunc
	stopped chan error
}

// embed starts a server on a free loopback port. With data empty its folder is
// thrown away afterwards. It outlives the end of ctx, so that a job can still
// be cancelled then.
func (p *Program) embed(ctx context.Context, data string) (e *embedded, err error) {
	e = &embedded{stopped: make(chan error, 1)}
	if data == "" {
		if data, err = os.MkdirTemp("", "settee-run-"); err != nil {
			return nil, err
		}
		e.folder = data
	}
	var running context.Context
	running, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	log := slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: slog.LevelError}))
	e.server, err = p.Start(running, Serve{Listen: "127.0.0.1:0", Data: data, Previews: "never"}, log)
	if err != nil {
		e.stop()
		if e.folder != "" {
			os.RemoveAll(e.folder)
		}
		return nil, fmt.Errorf("the embedded server did not start: %w", err)
	}
	go func() { e.stopped <- e.server.Run(running) }()
	return e, nil
}

// close stops the server and removes what is to be thrown away.
func (e *embedded) close() error {
	e.stop()
	err := <-e.stopped
	if e.folder != "" {
		if gone := os.RemoveAll(e.folder); err == nil {
			err = gone
		}
	}
	return err
}
