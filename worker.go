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
	Version   string
	Drained   bool
	SeenAt    time.Time
	Sessions  int // live ones
	CreatedAt time.Time
}

// Description is what an engine says of itself.
type Description struct {
	Engine      string          `json:"engine"`           // "native", "comfyui"
	Version     string          `json:"version"`          // the engine's own
	Definitions json.RawMessage `json:"definitions"`      // the object_info object, key order kept, file choices cut
	Models      json.RawMessage `json:"models,omitempty"` // {"checkpoints":["a.safetensors"]}; nil: none to tell
	Devices     json.RawMessage `json:"devices"`          // system_stats' devices array
	Depth       int             `json:"depth"`            // jobs it takes at once, ≥ 1
}
