package settee

import (
	"encoding/json"
	"time"
)

// Worker is an engine that takes jobs, as operators see it.
type Worker struct {
	ID        string
	Name      string
	Pool      string
	Engine    string // "native", "comfyui"
	Version   string // the engine's
	Devices   json.RawMessage
	Remote    bool // let in by a token; else a server's own
	Drained   bool // takes no new jobs
	SeenAt    time.Time
	Sessions  int // live ones
	Running   int // jobs it has
	CreatedAt time.Time
	Failures  int       // in a row, of jobs that others finish
	OutAt     time.Time // since when it gets no jobs but on trial; zero: it is in
	OutReason string
	ProbeAt   time.Time // when one that is out may have its next job on trial
}

// Status is how a worker stands: "away", "draining" or "drained" as an operator
// asked, "out" when it fails what others finish, else "ready".
func (w Worker) Status() string {
	switch {
	case w.Sessions == 0:
		return "away"
	case w.Drained && w.Running > 0:
		return "draining"
	case w.Drained:
		return "drained"
	case !w.OutAt.IsZero():
		return "out"
	}
	return "ready"
}

// CheckPool refuses names that no pool can have: a lane's name joins those of
// its pools by "+". The error is a Fault of CodeInvalid.
func CheckPool(name string) error { return plainName("pool", name) }

// CheckWorker refuses names that no worker can have.
func CheckWorker(name string) error { return plainName("worker", name) }

func plainName(what, name string) error {
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return Faultf(CodeInvalid, "A %s's name is made of letters, digits and . _ - and begins with a letter or digit.", what)
		}
	}
	if name == "" || len(name) > 64 {
		return Faultf(CodeInvalid, "A %s's name has 1 to 64 characters.", what)
	}
	return nil
}

// Description is what an engine says of itself.
type Description struct {
	Engine      string          `json:"engine"`           // "native", "comfyui"
	Version     string          `json:"version"`          // the engine's own
	Definitions json.RawMessage `json:"definitions"`      // the object_info object, key order kept, file choices cut
	Models      json.RawMessage `json:"models,omitempty"` // {"checkpoints":["a.safetensors"]}; nil: none to tell
	Devices     json.RawMessage `json:"devices"`          // system_stats' devices array
	Depth       int             `json:"depth"`            // jobs it takes at once, ≥ 1: one runs, the next ones lie ahead
}
