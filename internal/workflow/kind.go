package workflow

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/zeebo/blake3"
)

// Kind is a digest of the graph's classes, each as often as it is there: graphs
// of one kind ask the same of an engine, whatever their values and wires.
func (g *Graph) Kind() string {
	classes := make([]string, len(g.Nodes))
	for i, n := range g.Nodes {
		classes[i] = n.Class
	}
	slices.Sort(classes)
	var all []byte
	for _, c := range classes {
		all = append(append(strconv.AppendInt(all, int64(len(c)), 10), ':'), c...)
	}
	sum := blake3.Sum256(all)
	return hex.EncodeToString(sum[:16])
}
