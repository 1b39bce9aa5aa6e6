package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what, got, floor, ratio, target string
	met                             bool
}

var rows []row

// compare adds a figure that has a floor; reach is the least ratio when more is
// better (higher), the greatest otherwise.
func compare(what string, got, floor float64, unit string, reach float64, higher bool) {
	ratio := got / floor
	met, sign := ratio >= reach, "≥"
	if !higher {
		met, sign = ratio <= reach, "≤"
	}
	target := fmt.Sprintf("%s %g", sign, reach)
	_, decimals, _ := strings.Cut(target, ".")
	add(row{what, figure(got) + unit, figure(floor) + unit, fmt.Sprintf("%.*f", max(len(decimals), 2), ratio), target, met})
}

// bound adds a figure with a fixed limit.
func bound(what string, got float64, unit string, reach float64, higher bool) {
	met, sign := got >= reach, "≥"
	if !higher {
		met, sign = got <= reach, "≤"
	}
	add(row{what: what, got: figure(got) + unit, target: sign + " " + figure(reach) + unit, met: met})
}

// note adds a figure without a target.
func note(what string, got float64, unit string) {
	add(row{what: what, got: figure(got) + unit, met: true})
}

func add(r row) {
	rows = append(rows, r)
	fmt.Println(r)
}

func (r row) String() string {
	mark := "yes"
	if r.target == "" {
		mark = ""
	} else if !r.met {
		mark = "**no**"
	}
	return "| " + strings.Join([]string{r.what, r.got, r.floor, r.ratio, r.target, mark}, " | ") + " |"
}

func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// report prints the table and writes it down.
func report() error {
	if len(rows) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", machine())
	b.WriteString("| what | here | floor | ratio | target | met |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintln(&b, r)
	}
	fmt.Print("\n", b.String())
	if *table == "" {
		return nil
	}
	return os.WriteFile(*table, []byte(b.String()), 0o644)
}

// machine names what all of it ran on.
func machine() string {
	size := "default sizes"
	if *full {
		size = "full sizes"
	}
	return fmt.Sprintf("%s, %d cores, %.1f GiB of memory, %s %s/%s, fsync of 8 KiB %s p50, load %s before, %s, %s.",
		line("/proc/cpuinfo", "model name"), runtime.NumCPU(), memory(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		fsync, loadBefore, size, time.Now().UTC().Format("2006-01-02"))
}

// line is the value of the first "name: value" of a file of /proc.
func line(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

// kib reads "123 kB" of a file of /proc.
func kib(path, name string) (n float64) {
	fmt.Sscanf(line(path, name), "%f kB", &n)
	return n
}

func memory() float64 { return kib("/proc/meminfo", "MemTotal") / (1 << 20) }

var loadBefore, fsync = func() (string, time.Duration) {
	text, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(text), " ")
	f, err := os.CreateTemp("", "settee-bench-")
	if err != nil {
		return load, 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var all []time.Duration
	for range 100 {
		began := time.Now()
		if _, err := f.Write(make([]byte, 8<<10)); err != nil || f.Sync() != nil {
			return load, 0
		}
		all = append(all, time.Since(began))
	}
	return load, percentile(all, .5).Round(time.Microsecond)
}()
