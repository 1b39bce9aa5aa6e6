package wire

import (
	"encoding/json"

	"github.com/settee/settee"
)

// Hello opens a session: POST /sessions.
type Hello struct {
	Versions Range  `json:"versions"`
	Name     string `json:"name"`           // of the worker; the same name after a restart is the same worker
	Pool     string `json:"pool,omitempty"` // empty: the token's, else the engine's name
	Engine   Engine `json:"engine"`
}

// Engine is settee.Description.
type Engine struct {
	Engine      string          `json:"engine"`
	Version     string          `json:"version"`
	Definitions []byte          `json:"definitions"` // the object_info object
	Models      json.RawMessage `json:"models,omitempty"`
	Devices     json.RawMessage `json:"devices"`
	Depth       int             `json:"depth"`
}

// EngineOf is a description as it travels.
func EngineOf(d settee.Description) Engine {
	return Engine{d.Engine, d.Version, d.Definitions, d.Models, d.Devices, d.Depth}
}

// Description is the inverse of EngineOf.
func (e Engine) Description() settee.Description {
	return settee.Description{Engine: e.Engine, Version: e.Version, Definitions: e.Definitions, Models: e.Models,
		Devices: e.Devices, Depth: e.Depth}
}

// Opened answers Hello.
type Opened struct {
	Version int    `json:"version"`
	Session string `json:"session"`
	Worker  string `json:"worker"` // its id
	Pool    string `json:"pool"`
	Depth   int    `json:"depth"`
	LeaseMS int64  `json:"lease_ms"` // how long the session lives without a renewal
}

// Renew extends a session: POST /sessions/{session}/renew. It answers Orders
// when there are some, or a third of the lease later. One that is answered at once
// (from version 4) answers none: it says that the session lives, and the worker need
// not wait a third of the lease to know.
type Renew struct {
	Holding []Attempt `json:"holding"`           // the jobs that the worker knows it has
	AtOnce  bool      `json:"at_once,omitempty"` // then without Holding
}

// Attempt names one try at a job within a session.
type Attempt struct {
	Job string `json:"job"`
	N   int    `json:"n"`
}

// Orders is what must stop, and accounts whose kept results are to be forgotten.
type Orders struct {
	Orders []Order  `json:"orders"`
	Forget []string `json:"forget,omitempty"`
}

// Order is an attempt that must stop, and why.
type Order struct {
	Attempt
	Reason settee.Reason `json:"reason"`
}
