package cli_test

import (
	"regexp"
	"strings"
	"testing"
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
