package queue

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/zeebo/blake3"
)

// Lane is the set of jobs that the same workers can run. Its name is the sorted
// names of their pools joined by "+"; where not every worker of those pools can
// run them it has a ":" and a digest of the variants that can, so that who
// serves a lane never changes: when other workers come, jobs change lanes.
type Lane string

// Variant is the workers of a pool with the same node definitions, by hash.
type Variant struct{ Pool, Nodes string }

func (s Session) variant() Variant { return Variant{s.Pool, s.Nodes} }

// LaneOf is the lane of jobs of those pools that those variants can run.
func LaneOf(pools []string, can []Variant) Lane {
	names := slices.Clone(pools)
	slices.Sort(names)
	lines := make([]string, len(can))
	for i, v := range can {
		lines[i] = v.Pool + " " + v.Nodes + "\n"
	}
	slices.Sort(lines)
	sum := blake3.Sum256([]byte(strings.Join(lines, "")))
	return Lane(strings.Join(names, "+") + ":" + hex.EncodeToString(sum[:6]))
}

// Pools are the pools that can run the lane's jobs.
func (l Lane) Pools() []string { return strings.Split(l.Name(), "+") }

// Name is the lane as people read it: its pools.
func (l Lane) Name() string {
	name, _, _ := strings.Cut(string(l), ":")
	return name
}

// Fit says which workers can run a job, and why. The zero Fit is a job that all
// workers of its lane's pools can run, whatever comes.
type Fit struct {
	Variants   []Variant
	Needs      json.RawMessage // workflow.Needs: what variants that come later are compared with
	Generation int64           // of the variants that were there to choose from
}
