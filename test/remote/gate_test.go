package remote_test

import (
	"context"
	"slices"
	"sync"

	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/engine/native/node"
)

// gate is the native engine whose slow nodes wait until they may go on, where a
// test holds them: a job takes as long as the test wants, on any machine. Once held
// they pass on what they were given.
type gate struct {
	*native.Engine

	mu     sync.Mutex
	held   bool
	free   int           // nodes that may go on; < 0: all
	change chan struct{} // closed and replaced when free changes
}

func newGate() *gate {
	g := &gate{change: make(chan struct{})}
	classes := node.All()
	i := slices.IndexFunc(classes, func(c node.Class) bool { return c.Name == "ImageBlur" })
	run := classes[i].Run
	classes[i].Run = func(c *node.Call) ([]node.Value, error) {
		g.mu.Lock()
		held := g.held
		g.mu.Unlock()
		if !held {
			return run(c)
		}
		if err := g.wait(c.Context); err != nil {
			return nil, err
		}
		return []node.Value{c.Value("image")}, nil
	}
	g.Engine = native.New(native.Options{Classes: classes})
	return g
}

func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		goes, change := g.free != 0, g.change
		if g.free > 0 {
			g.free--
		}
		g.mu.Unlock()
		if goes {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hold has slow nodes wait from now on.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

// pass lets one more of them go on.
func (g *gate) pass() { g.let(func() { g.free++ }) }

// lift lets all of them go on.
func (g *gate) lift() { g.let(func() { g.free = -1 }) }

func (g *gate) let(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	close(g.change)
	g.change = make(chan struct{})
}
