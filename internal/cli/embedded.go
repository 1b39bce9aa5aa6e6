package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/settee/settee/client"
)

// embedded is a server that lives as long as one command.
type embedded struct {
	server  Server
	folder  string // a throw-away data folder, "" when the caller keeps it
	stop    context.CancelFunc
	stopped chan error
	loud    slog.LevelVar
}

// embed starts a server on a free loopback port. With data empty its folder is
// thrown away afterwards. It outlives the end of ctx, so that a job can still
// be cancelled then; broken is told when it stops by itself.
func (p *Program) embed(ctx context.Context, data string, broken func(error)) (e *embedded, err error) {
	e = &embedded{stopped: make(chan error, 1)}
	if data == "" {
		if data, err = os.MkdirTemp("", "settee-run-"); err != nil {
			return nil, err
		}
		e.folder = data
	}
	var running context.Context
	running, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.loud.Set(slog.LevelError + 1) // that it is not ready yet is no news
	log := slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: &e.loud}))
	e.server, err = p.Start(running, Serve{Listen: "127.0.0.1:0", Data: data, Previews: "never"}, log)
	if err != nil {
		e.stop()
		if e.folder != "" {
			err = errors.Join(err, os.RemoveAll(e.folder))
		}
		return nil, fmt.Errorf("the embedded server did not start: %w", err)
	}
	go func() {
		err := e.server.Run(running)
		if running.Err() == nil {
			broken(fmt.Errorf("the embedded server stopped: %w", err))
			err = nil // told
		}
		e.stopped <- err
	}()
	return e, nil
}

// startTime is how long an embedded server may take until it takes jobs.
const startTime = 30 * time.Second

// ready waits until the server takes jobs.
func (e *embedded) ready(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := c.Ready(ctx)
		if err == nil {
			e.loud.Set(slog.LevelError)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the embedded server does not take jobs: %w", err)
		case <-ticker.C:
		}
	}
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
