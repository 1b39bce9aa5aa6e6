// Package bench measures a whole server, as its clients would: `make bench`.
//
// Each figure stands beside its floor, measured in the same run on the same
// machine: what the same work costs without our code. The server under test and
// the floor's server are processes of their own; the load comes from this one.
// By default all of it takes a few minutes; -full takes the sizes that the
// targets name. The table is printed at the end, and written where -table says.
package bench

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/settee/settee/internal/store/storetest"
)

var (
	full  = flag.Bool("full", false, "the sizes that the targets name, instead of a tenth")
	table = flag.String("table", "", "a Markdown file to write the table to")
	serve = flag.String("floor", "", "be a floor's server (used by this package itself)")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *serve != "" {
		if err := serveFloor(*serve); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := errors.Join(report(), storetest.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// sized is n in a full run and a tenth of it else.
func sized(n int) int {
	if *full {
		return n
	}
	return n / 10
}

// percentile is the p-th of some durations, p in [0, 1].
func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []float64) float64 {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
