package replay_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/settee/settee/internal/recording"
)

// covered counts what was replayed.
var covered struct {
	cases, keyed, errors, exchanges atomic.Int32

	mu   sync.Mutex
	left map[string][]string // why → what was left out
}

// leave notes what is not replayed, and why.
func leave(why, what string) {
	covered.mu.Lock()
	defer covered.mu.Unlock()
	if covered.left == nil {
		covered.left = map[string][]string{}
	}
	if !slices.Contains(covered.left[why], what) {
		covered.left[why] = append(covered.left[why], what)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	var t collector
	cases := recording.Cases(&t)
	for _, c := range cases {
		switch names := missing(c); {
		case otherwise[c.Name] != "":
			leave(otherwise[c.Name], c.Name)
		case len(names) > 0 && strings.HasPrefix(names[0], "Recording"):
			leave("custom nodes", c.Name)
		case len(names) > 0:
			leave("nodes that are not native", c.Name)
		}
	}
	var left []string
	for why, what := range covered.left {
		slices.Sort(what)
		left = append(left, fmt.Sprintf("%s: %s", why, strings.Join(what, " ")))
	}
	slices.Sort(left)
	line := fmt.Sprintf("coverage: %d of %d cases replayed (%d with keys too), %d of %d errors, %d of %d exchanges; left out: %s\n",
		covered.cases.Load(), len(cases), covered.keyed.Load(),
		covered.errors.Load(), len(recording.Errors(&t)), covered.exchanges.Load(), len(recording.Exchanges(&t)), strings.Join(left, "; "))
	fmt.Fprint(os.Stderr, line)
	if path := os.Getenv("SETTEE_TEST_REPLAYED"); path != "" { // go test shows nothing of packages that pass
		if err := os.WriteFile(path, []byte(line), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// collector stands for a test where there is none: recordings are part of the
// program, and other tests have read them.
type collector struct{ testing.TB }

func (*collector) Helper() {}
