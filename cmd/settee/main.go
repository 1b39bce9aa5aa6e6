// Command settee is a self-hosted Comfy Cloud and the commands to use one; see
// package cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/settee/settee/internal/cli"
)

func main() { os.Exit(run()) }

// run ends in order at the first signal and at once at the second.
func run() int {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		stop(interrupted(<-signals))
		os.Exit(interrupted(<-signals).ExitCode())
	}()
	program := &cli.Program{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
		Version:  version(),
		Start:    start,
		Now:      time.Now,
	}
	return program.Main(ctx, os.Args[1:])
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
