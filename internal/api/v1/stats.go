package v1

import (
	"bufio"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/settee/settee/internal/api"
)

// compatible is the version of ComfyUI whose answers these are.
const compatible = "0.3.64"

// GetSystemStats tells about the machine and the workers' devices. The command
// line is not told; the one flag in argv keeps an editor from asking another
// company's servers for news. (operationId getSystemStats)
func (a *API) GetSystemStats(w http.ResponseWriter, r *http.Request) {
	devices, err := a.Pools.Devices(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	stats := SystemStats{Devices: array(devices)}
	s := &stats.System
	s.Os = map[bool]string{false: "posix", true: "nt"}[runtime.GOOS == "windows"]
	s.RamTotal, s.RamFree = memory()
	s.ComfyuiVersion = compatible
	s.PythonVersion = "none"
	s.PytorchVersion = "none"
	s.Argv = []string{"settee", "--disable-api-nodes"}
	s.CloudVersion = a.Version
	api.WriteJSON(w, http.StatusOK, stats)
}

// memory is the machine's memory in bytes, in all and not in use; zeros where
// the system does not tell.
func memory() (total, free int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total = kilobytes << 10
		case "MemAvailable:":
			free = kilobytes << 10
		}
	}
	return total, free
}
