package v1

import (
	"net/http"
	"runtime"

	"github.com/pbnjay/memory"

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
	s.RamTotal, s.RamFree = int64(memory.TotalMemory()), int64(memory.FreeMemory())
	s.ComfyuiVersion = compatible
	s.PythonVersion = "none"
	s.PytorchVersion = "none"
	s.Argv = []string{"settee", "--disable-api-nodes"}
	s.CloudVersion = a.Version
	api.WriteJSON(w, http.StatusOK, stats)
}
