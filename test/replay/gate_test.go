package replay_test

import (
	"context"
	"slices"
	"sync"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/engine/native/node"
)

// slow is the class that took its time in the recordings: there, things
// happened while it ran.
const slow = "ImageSharpen"

// gate is the native engine whose slow nodes wait until they may go on, so that
// what happened during a node in the recording happens during it here.
type gate struct {
	*native.Engine

	mu      sync.Mutex
	open    bool            // nobody waits
	idle    bool            // slow nodes give what they were given
	allowed map[string]bool // prompt id/node id
	prompt  string          // that runs
	change  chan struct{}   // closed and replaced when one of these changes
	stopped chan string     // prompts that were stopped while they waited
}

func newGate() *gate {
	g := &gate{open: true, allowed: map[string]bool{}, change: make(chan struct{}), stopped: make(chan string, 16)}
	classes := node.All()
	i := slices.IndexFunc(classes, func(c node.Class) bool { return c.Name == slow })
	run := classes[i].Run
	classes[i].Run = func(c *node.Call) ([]node.Value, error) {
		if g.wait(c.Context, c.NodeID) {
			deaf := *c
			deaf.Context = context.WithoutCancel(c.Context)
			c = &deaf
		}
		if g.idles() {
			return []node.Value{c.Value("image")}, nil
		}
		return run(c)
	}
	g.Engine = native.New(native.Options{Classes: classes})
	return g
}

// Run notes which prompt runs (engine.Engine).
func (g *gate) Run(ctx context.Context, job engine.Job, out engine.Sink) error {
	g.set(func() { g.prompt = job.PromptID })
	return g.Engine.Run(ctx, job, out)
}

// wait keeps a slow node until it is allowed, and says whether it was stopped
// meanwhile. ComfyUI's node does not look and goes on to its end.
func (g *gate) wait(ctx context.Context, node string) (stopped bool) {
	done := ctx.Done()
	for {
		g.mu.Lock()
		prompt, change := g.prompt, g.change
		goes := g.open || g.allowed[prompt+"/"+node]
		g.mu.Unlock()
		if goes {
			return stopped
		}
		select {
		case <-change:
		case <-done:
			g.stopped <- prompt
			stopped, done = true, nil
		}
	}
}

func (g *gate) idles() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.idle
}

// allow lets a node of a prompt go on.
func (g *gate) allow(prompt, node string) { g.set(func() { g.allowed[prompt+"/"+node] = true }) }

// lift lets everything go on.
func (g *gate) lift() { g.set(func() { g.open = true }) }

func (g *gate) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.change)
	g.change = make(chan struct{})
}
