package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints rows of equal width, the first of them as a head.
func table(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			if row[i] = line(row[i]); row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// fields prints names and values, one pair a line, without those that are not
// there.
func fields(out io.Writer, pairs ...string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != "-" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], line(pairs[i+1]))
		}
	}
	return w.Flush()
}

// document prints a value as indented JSON.
func document(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// documents prints a list as indented JSON; an empty one is [].
func documents[T any](out io.Writer, list []T) error {
	if list == nil {
		list = []T{}
	}
	return document(out, list)
}

// asJSON is the flag of commands that print tables.
type asJSON struct {
	JSON bool `name:"json" help:"Print JSON."`
}
