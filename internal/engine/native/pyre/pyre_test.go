package pyre

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// The rows of testdata were made with Python 3.11: P is a pattern, F its flags
// (1 ignore case, 2 multi-line, 4 dot matches all), Err what compile said,
// Spans the spans of every match's groups in T, Sub (or SubErr) what replacing
// them by R gave.
func TestPythonsAnswers(t *testing.T) {
	file, err := os.Open("testdata/python311.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
		var want struct {
			P, T, R, Err, Sub, SubErr string
			F                         Flags
			Spans                     [][][2]int
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		p, err := Compile(want.P, want.F)
		if err != nil || want.Err != "" {
			if err == nil || err.Error() != want.Err {
				t.Errorf("%q: error %v, want %q", want.P, err, want.Err)
			}
			continue
		}
		matches, err := p.Find(context.Background(), want.T, 0)
		if err != nil {
			t.Fatal(err)
		}
		var spans [][][2]int
		for _, m := range matches {
			spans = append(spans, m.spans)
		}
		if a, b := shown(t, spans), shown(t, want.Spans); a != b {
			t.Errorf("%q (%d) in %q: %s, want %s", want.P, want.F, want.T, a, b)
		}
		got, err := p.Replace(context.Background(), want.T, want.R, 0, nil)
		if err == nil && want.SubErr != "" || err != nil && err.Error() != want.SubErr || got != want.Sub {
			t.Errorf("%q by %q in %q: %q, %v; want %q, %q", want.P, want.R, want.T, got, err, want.Sub, want.SubErr)
		}
	}
	if n < 300 {
		t.Errorf("only %d rows", n)
	}
}

func shown(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestEndlessBacktrackingEnds(t *testing.T) {
	p, err := Compile("(a+)+b", 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.limit != maxSteps {
		t.Errorf("a search may take %d steps", p.limit)
	}
	p.limit = 1_000_000
	if _, err := p.Find(context.Background(), strings.Repeat("a", 60), 0); !errors.Is(err, ErrSteps) {
		t.Errorf("error %v", err)
	}
}

func TestASearchEndsWithItsContext(t *testing.T) {
	p, err := Compile("(a+)+b", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Find(ctx, strings.Repeat("a", 60), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for _, pattern := range []string{strings.Repeat("a", maxLength+1), strings.Repeat("(?:", maxNesting+1)} {
		if _, err := Compile(pattern, 0); err == nil {
			t.Errorf("%.20s… of %d characters compiles", pattern, len(pattern))
		}
	}
	deep, err := Compile("(?:ab?)*c", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deep.Find(context.Background(), strings.Repeat("a", 1_000_000), 1); !errors.Is(err, ErrSteps) {
		t.Errorf("a million rounds of a group: error %v", err)
	}
}
