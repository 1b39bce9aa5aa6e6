// Package cli is the commands of settee, one a file. A command speaks to a
// server through package client; only serve, and run without --server, start a
// server, by the Start that main hands in.
//
// What holds: results go to standard output, everything said about them to
// standard error; every flag can be set as SETTEE_…; what a server or a
// workflow wrote is printed without control characters and never decides where
// a file is written outside the output folder.
//
// Exit codes: 0 done; 1 failed; 2 refused, by the command line, the workflow or
// its values; 130 interrupted (128 + the signal's number).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/alecthomas/kong"
)

// Program is what the commands run with.
type Program struct {
	In          io.Reader
	Out, Err    io.Writer
	Terminal    bool       // Err is a terminal
	Columns     func() int // how wide it is now; nil or 0: unknown
	Version     string
	Start       Start
	StartWorker StartWorker
	Now         func() time.Time
}

// Start puts a server together and listens; log takes what it has to say.
type Start func(ctx context.Context, s Serve, log *slog.Logger) (Server, error)

// Server is a server in this process.
type Server interface {
	URL() string
	FirstKey(ctx context.Context) (string, error) // the key of account default, at the very first call only
	Key(ctx context.Context) (string, error)      // a key of account default, for this process
	Run(ctx context.Context) error                // serves until ctx ends, then stops in order
}

// grammar is the command line.
type grammar struct {
	Run     run          `cmd:"" help:"Run a workflow and save what it makes."`
	Serve   serveCommand `cmd:"" help:"Start a server."`
	Account struct {
		Create  accountCreate  `cmd:"" help:"Make an account."`
		List    accountList    `cmd:"" help:"List all accounts."`
		Show    accountShow    `cmd:"" help:"Show an account."`
		Disable accountDisable `cmd:"" help:"Shut an account's keys out; its jobs and files stay."`
	} `cmd:"" help:"Accounts (operators)."`
	Key struct {
		Create keyCreate `cmd:"" help:"Make a key and print it, alone and once."`
		List   keyList   `cmd:"" help:"List keys, without their secrets."`
		Delete keyDelete `cmd:"" help:"End a key."`
	} `cmd:"" help:"API keys (operators)."`
	Worker struct {
		Start  workerStart  `cmd:"" default:"withargs" help:"Work for a server elsewhere (the default)."`
		List   workerList   `cmd:"" help:"List workers."`
		Drain  workerDrain  `cmd:"" help:"Have a worker take no new jobs; what it runs goes on."`
		Resume workerResume `cmd:"" help:"Have a worker that is drained, or out, take jobs again."`
		Remove workerRemove `cmd:"" help:"Forget a worker; what it runs goes back to the queue."`
		Token  struct {
			Create workerTokenCreate `cmd:"" help:"Make a token that lets workers in, and print it, alone and once."`
			List   workerTokenList   `cmd:"" help:"List tokens, without their secrets."`
			Delete workerTokenDelete `cmd:"" help:"End a token; its workers are cut off."`
		} `cmd:"" help:"Tokens that let workers in."`
	} `cmd:"" help:"Work for a server elsewhere; its workers (operators)."`
	Job struct {
		List   jobList   `cmd:"" help:"List jobs, newest first."`
		Show   jobShow   `cmd:"" help:"Show a job."`
		Cancel jobCancel `cmd:"" help:"Cancel a job."`
	} `cmd:"" help:"Jobs: of all accounts with an admin key, else the key's own."`
	Version version `cmd:"" help:"Print the version."`
}

// Main runs a command line and returns the exit code. When ctx ends, its cause
// may be an Interrupted.
func (p *Program) Main(ctx context.Context, args []string) (code int) {
	defer func() { // kong ends the program after --help
		switch r := recover().(type) {
		case nil:
		case exitPanic:
			code = int(r)
		default:
			panic(r)
		}
	}()
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("settee"),
		kong.Description("A self-hosted Comfy Cloud. Flags can be set in the environment too, --server as SETTEE_SERVER and so on."),
		kong.Writers(p.Out, p.Err),
		kong.Exit(func(code int) { panic(exitPanic(code)) }),
		kong.DefaultEnvars("SETTEE"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(described),
		kong.Bind(p),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic(err) // the grammar itself is wrong
	}
	line, err := parser.Parse(args)
	if err != nil {
		err, g.Run.JSON = refuse("%s", err), len(args) > 0 && args[0] == "run" && slices.Contains(args, "--json")
	} else {
		err = originsOf(line).explain(line.Run())
	}
	if g.Run.JSON {
		p.emitError(err)
	}
	return p.conclude(err)
}

type exitPanic int

// Exit codes.
const (
	codeFailed  = 1
	codeRefused = 2
)

// conclude says an error and gives its exit code.
func (p *Program) conclude(err error) int {
	if err == nil {
		return 0
	}
	if stop, ok := errors.AsType[*Interrupted](err); ok {
		return stop.ExitCode()
	}
	if q, ok := errors.AsType[*quiet](err); ok {
		return q.code
	}
	fmt.Fprintf(p.Err, "settee: %s\n", printable(err.Error()))
	if _, ok := errors.AsType[*refusal](err); ok {
		return codeRefused
	}
	return codeFailed
}

// Interrupted is why a context ended: a signal came.
type Interrupted struct {
	Name   string // e.g. "interrupt"
	Number int
}

func (i *Interrupted) Error() string { return "stopped by " + i.Name }

// ExitCode is what a shell expects.
func (i *Interrupted) ExitCode() int { return 128 + i.Number }

// refusal is an error of what the caller gave: the command line, the workflow
// or a value. It ends with 2.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// quiet is an error that people have been told already.
type quiet struct{ code int }

func (q *quiet) Error() string { return fmt.Sprintf("exit %d", q.code) }

// told is an error after the last event of --json.
type told struct{ error }

func (t *told) Unwrap() error { return t.error }
