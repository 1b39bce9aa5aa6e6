package worker

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/settee/settee/internal/pyjson"
)

// pace is how long jobs took that the worker ran lately, by their kind.
type pace struct {
	mu   sync.Mutex
	took map[kind][]time.Duration
}

// kind is the classes of a graph's nodes. Sizes and steps are not in it: what is
// expected is the longest that jobs of the kind took, so that they may differ.
type kind [sha256.Size]byte

const (
	lately = 8    // jobs of a kind that are remembered
	kinds  = 1000 // that are remembered
)

// kindOf is a graph's kind.
func kindOf(graph json.RawMessage) (k kind) {
	root, err := pyjson.Parse(graph)
	if err != nil {
		return k // the engine will say what it thinks of it
	}
	sum := sha256.New()
	for _, n := range root.Members() {
		sum.Write([]byte(n.Value.Get("class_type").Text() + "\n"))
	}
	return kind(sum.Sum(nil))
}

func (p *pace) note(k kind, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == nil || len(p.took) >= kinds && p.took[k] == nil {
		p.took = map[kind][]time.Duration{}
	}
	all := append(p.took[k], max(took, 1))
	p.took[k] = all[max(len(all)-lately, 0):]
}

// expect is how long the next job of a kind takes; 0: nobody knows.
func (p *pace) expect(k kind) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.took[k]) == 0 {
		return 0
	}
	return slices.Max(p.took[k])
}
