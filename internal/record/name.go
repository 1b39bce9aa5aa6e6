package record

import (
	"strconv"
	"strings"

	"github.com/settee/settee/internal/engine"
)

// FileName is the name a new file gets with a counter: ComfyUI's rule (protocol
// note 4.7).
func FileName(f engine.NewFile, counter int64) string {
	n := strconv.FormatInt(counter, 10)
	return f.Prefix + "_" + strings.Repeat("0", max(0, 5-len(n))) + n + f.Suffix
}

// Counter says that a file name takes number N of a prefix.
type Counter struct {
	Prefix string
	N      int64
}

// Counters are the numbers that a file name takes: as in ComfyUI, the digits
// between an underscore and the next are a number of what stands before them
// (protocol note 4.7). "x_1_00050_.png" is number 1 of "x" and 50 of "x_1".
func Counters(filename string) (all []Counter) {
	for i, c := range filename {
		if c != '_' {
			continue
		}
		digits, _, _ := strings.Cut(filename[i+1:], "_")
		if len(digits) == 0 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			continue
		}
		all = append(all, Counter{filename[:i], n})
	}
	return all
}
