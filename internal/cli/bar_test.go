package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestOnATerminalABarShowsTheJob(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	s.program.Terminal = true
	c.frames = whole
	s.write("w.json", graph)
	s.want(s.run("run", "w.json", "--server", c.serve()), 0, "")
	shown := s.err.String()
	for _, part := range []string{"waiting ", "Grain 1/2 ", "Save ", "(0/2)", "(1/2)"} {
		if !strings.Contains(shown, part) {
			t.Errorf("the bar never showed %q:\n%q", part, shown)
		}
	}
	// The last thing on the bar's line is blank, and what follows begins it anew.
	if !regexp.MustCompile(`\r\s*\r?(\x1b\[\d*K)*completed in \d`).MatchString(shown) {
		t.Errorf("the bar was left standing:\n%q", shown)
	}
}

// However narrow the terminal is, no line is longer, and a node's own steps are
// seen whole beside its title.
func TestTheBarFitsItsTerminal(t *testing.T) {
	const title = "画像を拡大する very long title of a node that samples"
	for _, columns := range []int{0, 60, 80, 200} {
		s, c := newShell(t), newCloud(t)
		s.program.Terminal, s.program.Columns = true, func() int { return columns }
		c.frames = whole
		s.write("w.json", strings.Replace(graph, "Grain", title, 1))
		s.want(s.run("run", "w.json", "--server", c.serve()), 0, "")
		shown := s.err.String()
		if !regexp.MustCompile(`画像.*… 1/2 +\S|node that samples 1/2 +\S`).MatchString(shown) {
			t.Errorf("%d columns: the steps were not shown:\n%q", columns, shown)
		}
		if whole := strings.Contains(shown, title); whole != (columns == 200) {
			t.Errorf("%d columns: the title is whole: %v", columns, whole)
		}
		limit := columns
		if limit == 0 {
			limit = 80
		}
		bars, _, _ := strings.Cut(shown, "completed in")
		for _, text := range regexp.MustCompile(`[\r\n]|\x1b\[\d*K`).Split(bars, -1) {
			if n := uniseg.StringWidth(text); n >= limit && strings.TrimSpace(text) != "" {
				t.Errorf("%d columns: %d wide: %q", columns, n, text)
			}
		}
	}
}

// A server that tells steps by progress_state alone shows them too.
func TestTheBarReadsStates(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	s.program.Terminal = true
	c.frames = events("execution_start", ``, "executing", `,"node":"3","display_node":"3"`,
		"progress_state", `,"nodes":{"3":{"value":7,"max":20,"state":"running","node_id":"3","display_node_id":"3"}}`,
		"execution_success", ``)
	s.write("w.json", graph)
	s.want(s.run("run", "w.json", "--server", c.serve()), 0, "")
	if !strings.Contains(s.err.String(), "Grain 7/20 ") {
		t.Errorf("the bar never showed the steps:\n%q", s.err.String())
	}
}
