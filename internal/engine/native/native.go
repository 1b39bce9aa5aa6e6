// Package native is an engine without Python and without a GPU: it runs the
// core nodes that need no model, with the frames, errors and pixels of the
// recorded server.
//
// What holds: a result never crosses accounts, for its cache key starts with
// one; memory is asked for before it is taken, and never more than the limit
// is held; a node that panics fails its own job and nothing else. As many jobs
// run at once as Options say; further calls of Run wait.
package native

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
)

// Options of an engine.
type Options struct {
	// MemoryLimit is how many bytes of values are held at once: of the running
	// jobs and of the results that are kept for the next. 0: DefaultMemory.
	MemoryLimit int64
	// Parallel is how many jobs run at once; 0: one. They share what is kept,
	// and each may hold its part of the limit.
	Parallel int
	// Now gives the time; nil: time.Now.
	Now func() time.Time
	// Classes the engine knows; nil: node.All.
	Classes []node.Class
}

// DefaultMemory is the limit where none is set: 4 GiB.
const DefaultMemory = 4 << 30

// Version of the engine, as workers report it.
const Version = "1"

// Engine runs jobs. It is safe for concurrent use.
type Engine struct {
	now     func() time.Time
	limit   int64
	classes map[string]*node.Class
	about   settee.Description
	turns   chan struct{} // one is held by each run that is on
	store   *store
	letters *recent[lettered, string]
	prints  *recent[string, string]
}

// New makes an engine.
func New(opt Options) *Engine {
	if opt.MemoryLimit <= 0 {
		opt.MemoryLimit = DefaultMemory
	}
	opt.Parallel = max(opt.Parallel, 1)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Classes == nil {
		opt.Classes = node.All()
	}
	e := &Engine{
		now: opt.Now, limit: opt.MemoryLimit, classes: make(map[string]*node.Class, len(opt.Classes)),
		turns: make(chan struct{}, opt.Parallel), store: newStore(opt.MemoryLimit, opt.Parallel),
		letters: newRecent[lettered, string](10_000), prints: newRecent[string, string](10_000),
	}
	for i := range opt.Classes {
		e.classes[opt.Classes[i].Name] = &opt.Classes[i]
	}
	e.about = settee.Description{
		Engine: "native", Version: Version, Depth: 1,
		Definitions: node.Definitions(opt.Classes), Devices: devices(opt.MemoryLimit),
	}
	return e
}

// Describe tells the definitions of all classes; it never fails.
func (e *Engine) Describe(context.Context) (settee.Description, error) { return e.about, nil }

// devices is the devices array of system_stats: the processor.
func devices(memory int64) json.RawMessage {
	n := strconv.FormatInt(memory, 10)
	return json.RawMessage(`[{"name":"cpu (` + strconv.Itoa(runtime.NumCPU()) + ` cores)","type":"cpu","index":null,` +
		`"vram_total":` + n + `,"vram_free":` + n + `,"torch_vram_total":0,"torch_vram_free":0}]`)
}

// Run runs a job (see engine.Engine).
func (e *Engine) Run(ctx context.Context, job engine.Job, out engine.Sink) error {
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-ctx.Done():
		return &engine.Interrupted{Event: interrupted(job.PromptID, "", "", nil)}
	}
	g, err := e.parse(job)
	if err != nil {
		return err
	}
	r := newRun(ctx, e, job, out, g)
	defer r.end()
	return r.run()
}
