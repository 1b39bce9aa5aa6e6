// Command settee is a self-hosted Comfy Cloud and the commands to use one; see
// package cli.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/settee/settee/internal/cli"
)

func main() { os.Exit(run()) }

// run ends in order at the first signal and at once at the second. That nobody
// reads standard output or standard error any more is such a signal.
func run() int {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // not the end at once: writes say it
	go func() {
		stop(interrupted(<-signals))
		os.Exit(interrupted(<-signals).ExitCode())
	}()
	program := &cli.Program{
		In: os.Stdin, Out: &outlet{os.Stdout, stop}, Err: &outlet{os.Stderr, stop},
		Terminal:    term.IsTerminal(int(os.Stderr.Fd())),
		Columns:     columns,
		Version:     version(),
		Start:       start,
		StartWorker: startWorker,
		Now:         time.Now,
	}
	code := program.Main(ctx, os.Args[1:])
	if code == 0 && errors.Is(context.Cause(ctx), errUnread) {
		code = errUnread.ExitCode() // what was said last was not heard
	}
	return code
}

// columns is how wide the terminal is now, 0 when that is unknown.
func columns() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func interrupted(s os.Signal) *cli.Interrupted {
	i := &cli.Interrupted{Name: s.String()}
	if n, ok := s.(syscall.Signal); ok {
		i.Number = int(n)
	}
	return i
}

// version is the module's, as the build wrote it down.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
