// Package wire is what a worker on another machine and its server say to each
// other: the bodies of /worker/v1, versions 1 to 4. Version 2 has jobs that are
// claimed ahead, version 3 uploads that are hashed while they are sent, and endings
// that carry what an attempt told last, version 4 renewals that are answered at once,
// and outputs that carry the bytes of small files.
//
// What holds: text that may be Python's JSON, or whose bytes are counted (graphs
// and definitions), travels as base64, for JSON writers change it; no body says
// whose it is: the token, the session and the path do; durable events of an
// attempt are numbered from 1, in order, with the outputs of nodes among them,
// so that a call whose answer was lost can be made again.
//
// A server serves version Max and the ones down to Min; a worker says which it
// speaks when it opens a session, and both go on with the newest that they
// share. Members that one side does not know are left alone.
package wire

import (
	"time"

	"github.com/settee/settee"
)

// Versions that this program speaks.
const (
	Min = 1
	Max = 4
)

// Path is where the protocol lives.
const Path = "/worker/v1"

// Limits that both sides know.
const (
	MaxOpen   = 48 << 20         // bytes of the body that opens a session
	MaxReport = 48 << 20         // bytes of a body that reports
	MaxFrame  = 24 << 20         // bytes of a binary frame
	MaxSmall  = 1 << 20          // bytes of every other body
	MaxBlob   = 1 << 36          // bytes of a file
	MaxWait   = 30 * time.Second // of a claim
)

// Range is the versions that somebody speaks.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Common is the newest version of both ranges; 0 when there is none.
func (r Range) Common(o Range) int {
	if v := min(r.Max, o.Max); v > 0 && v >= max(r.Min, o.Min) {
		return v
	}
	return 0
}

// CodeVersion says that worker and server share no version.
const CodeVersion settee.Code = "unsupported_version"

// CodeGap says that durable events before those of the call are missing: see
// Fault.Told.
const CodeGap settee.Code = "gap"

// Fault is every answer that is not a success.
type Fault struct {
	Code     settee.Code `json:"code"`
	Message  string      `json:"message"`
	Told     *int        `json:"told,omitempty"`     // with CodeGap: how many durable events are known
	Offset   *int64      `json:"offset,omitempty"`   // with CodeConflict of an upload: where to go on
	Versions *Range      `json:"versions,omitempty"` // with CodeVersion: what the server speaks
}
