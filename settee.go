// Package settee holds the words of the house: Job, Event, Frame, Account,
// Asset, Worker and Fault. It knows no database, no HTTP and no engine; every
// other package speaks in these words and may import it.
package settee

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// NewID makes an id for a row of ours: a UUIDv7, so ids made later sort later
// (to the millisecond).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// namespace is the root of the ids that are derived and not drawn.
var namespace = uuid.MustParse("6f9a3c0e-52b1-5d43-9f0c-3d8a5e7c1b20")

// EngineID is the prompt id an engine sees for attempt n of a job: a UUIDv5,
// so that no two attempts can be confused and a client's id never reaches a
// shared engine.
func EngineID(jobID string, attempt int) string {
	return uuid.NewSHA1(namespace, []byte(jobID+"/"+strconv.Itoa(attempt))).String()
}

// Micros is t as the database keeps it: Unix microseconds, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the inverse of Micros; times are in UTC.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
