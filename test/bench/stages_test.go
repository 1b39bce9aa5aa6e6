package bench

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// stages are how long the stages of jobs took on average, in ms, as the server's
// own metrics tell.
func stages(b *testing.B, base string) map[string]float64 {
	b.Helper()
	res, err := http.Get(base + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	sums, counts := map[string]float64{}, map[string]float64{}
	for line := range strings.SplitSeq(string(text), "\n") {
		for prefix, into := range map[string]map[string]float64{"settee_job_stage_seconds_sum": sums, "settee_job_stage_seconds_count": counts} {
			var value float64
			if name, ok := strings.CutPrefix(line, prefix+`{stage="`); ok {
				stage, rest, _ := strings.Cut(name, `"}`)
				if _, err := fmt.Sscan(rest, &value); err != nil {
					b.Fatal(err)
				}
				into[stage] = value
			}
		}
	}
	for stage := range sums {
		sums[stage] *= 1000 / max(counts[stage], 1)
	}
	return sums
}
