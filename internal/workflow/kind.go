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
	h := blake3.New()
	for _, c := range classes {
		h.WriteString(strconv.Itoa(len(c)) + ":" + c)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
