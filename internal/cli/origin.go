package cli

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/settee/settee/client"
)

// origins say where a command's server, key and data folder come from, so that
// an error can name what to change.
type origins struct {
	command     string // its first word
	server, key origin
	data        origin
}

// origin is a flag's value and where it was set.
type origin struct {
	value    string
	variable string // the environment's; "" when the command line or nobody set it
}

// originsOf looks at a parsed command line.
func originsOf(line *kong.Context) origins {
	o := origins{command: strings.Fields(line.Command() + " ?")[0]}
	for _, f := range line.Flags() {
		value, ok := line.FlagValue(f).(string)
		if !ok {
			continue
		}
		from := origin{value: value}
		if !slices.ContainsFunc(line.Path, func(p *kong.Path) bool { return p.Flag == f }) {
			for _, name := range f.Envs {
				if os.Getenv(name) != "" {
					from.variable = name
				}
			}
		}
		switch f.Name {
		case "server":
			o.server = from
		case "key":
			o.key = from
		case "data":
			o.data = from
		}
	}
	return o
}

// explain adds to an error what the caller can do about it.
func (o origins) explain(err error) error {
	if busy, ok := errors.AsType[*DataInUse](err); ok {
		return advise(err, o.elsewhere(busy.Folder)...)
	}
	switch status := client.StatusOf(err); {
	case status == http.StatusUnauthorized && o.key.value == "" && o.server.value != "":
		return advise(err, "Give a key with --key or SETTEE_KEY.", o.server.named("The server is that of %s."))
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		advice := []string{o.key.named("The key is that of %s.")}
		if o.command == "run" && strings.Contains(err.Error(), "perator") {
			advice = append(advice, "`settee key create ACCOUNT` makes a key of an account, for --key.",
				o.server.named("Without %s a server is started for this run, and no key is needed."))
		}
		return advise(err, advice...)
	case errors.Is(err, syscall.ECONNREFUSED):
		return advise(err, "Is the server running?", o.server.named("Its URL is that of %s."))
	}
	return err
}

// elsewhere is what to do when a live server has the data folder.
func (o origins) elsewhere(folder string) []string {
	at := ""
	found, err := findServer(folder)
	if err == nil && found.URL != "" {
		at = " " + found.URL
	}
	if o.command != "run" {
		if at != "" {
			at = "It answers at" + at + ". "
		}
		return []string{at + "Stop it, or take another folder with --data.", o.data.named("This one is that of %s.")}
	}
	if at == "" {
		at = " URL"
	}
	return []string{
		fmt.Sprintf("Run on that server with --server%s --key KEY (`settee key create ACCOUNT` makes a key),", at),
		"or take another folder with --data.", o.data.named("This one is that of %s."),
	}
}

// named is a text with the variable's name, "" where it was none.
func (o origin) named(format string) string {
	if o.variable == "" {
		return ""
	}
	return fmt.Sprintf(format, o.variable)
}

// DataInUse says that a live server has the data folder.
type DataInUse struct{ Folder string }

func (d *DataInUse) Error() string { return "another server has the data folder " + d.Folder }

// advised is an error and what to do about it.
type advised struct {
	error
	advice string
}

func (a *advised) Error() string {
	return strings.TrimSuffix(a.error.Error(), ".") + ". " + a.advice
}

func (a *advised) Unwrap() error { return a.error }

// advise adds sentences to an error; empty ones are none.
func advise(err error, sentences ...string) error {
	sentences = slices.DeleteFunc(sentences, func(s string) bool { return s == "" })
	if err == nil || len(sentences) == 0 {
		return err
	}
	return &advised{err, strings.Join(sentences, " ")}
}

// unreachable reports whether no connection came about: asking anything else
// there is of no use.
func unreachable(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

// described is a flag's help with its default, where a placeholder hides it.
func described(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.Flag == nil || v.Flag.PlaceHolder == "" || v.Default == "" {
		return text
	}
	if shut, ok := strings.CutSuffix(text, "."); ok {
		return shut + " (default " + v.Default + ")."
	}
	return text + " (default " + v.Default + ")"
}
