package native

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
)

// run is one job on its way.
type run struct {
	ctx    context.Context
	engine *Engine
	job    engine.Job
	out    engine.Sink
	graph  *graph
	tenant *tenant

	todo     *schedule
	states   *states
	results  map[string]*result // by node: pinned, what consumers read
	shown    map[string]*result // by node: what has ui, for the files of a cached run
	told     map[string]bool    // nodes whose executed has been sent
	ran      []string           // nodes that ran to their end, in order
	metadata []node.Metadata    // made when a file is first saved
}

func newRun(ctx context.Context, e *Engine, job engine.Job, out engine.Sink, g *graph) *run {
	r := &run{
		ctx: ctx, engine: e, job: job, out: out, graph: g,
		states: newStates(job.PromptID, len(g.nodes)), results: map[string]*result{},
		shown: map[string]*result{}, told: map[string]bool{},
	}
	r.tenant = e.store.enter(job.AccountID, r.spare)
	r.todo = newSchedule(g, func(id string) bool { return r.found(id) != nil })
	return r
}

// run goes through the graph. The frames and their order are those of the
// protocol note, section 2.5.
func (r *run) run() error {
	if err := r.event(settee.EventStart, "timestamp", r.now()); err != nil {
		return err
	}
	cached := []string{}
	for _, v := range r.graph.nodes {
		if r.found(v.id) != nil {
			cached = append(cached, v.id)
		}
	}
	if err := r.event(settee.EventCached, "nodes", cached, "timestamp", r.now()); err != nil {
		return err
	}
	for _, id := range r.job.Outputs {
		r.todo.add(id)
	}
	err := r.loop()
	if ended(err) {
		if silent := r.rest(); silent != nil {
			return silent
		}
	}
	return err
}

// ended reports whether a run's result is about the workflow, and not the
// engine's own trouble.
func ended(err error) bool {
	if err == nil {
		return true
	}
	_, failed := errors.AsType[*engine.Failure](err)
	_, stopped := errors.AsType[*engine.Interrupted](err)
	return failed || stopped
}

func (r *run) loop() error {
	for {
		v, err := r.todo.pick()
		switch {
		case err != nil:
			return r.cycle()
		case v == nil:
			return r.state(true)
		}
		waits, err := r.visit(v)
		if err != nil {
			if held := r.state(true); held != nil {
				return held
			}
			return err
		}
		if !waits {
			r.todo.done(v.id)
		}
	}
}

// found gives a node's result, pinned for this run: its own, or an equal one
// that the store has.
func (r *run) found(id string) *result {
	if res := r.results[id]; res != nil {
		return res
	}
	v := r.graph.byID[id]
	if v == nil {
		return nil
	}
	res := r.engine.store.hold(r.tenant, r.key(v))
	if res == nil {
		return nil
	}
	r.keep(id, res)
	return res
}

func (r *run) keep(id string, res *result) {
	r.results[id] = res
	if len(res.ui) > 0 {
		r.shown[id] = res
	}
}

// spare unpins what no node still needs, and says whether there was anything.
func (r *run) spare() bool {
	needed := r.todo.needed()
	any := false
	for id, res := range r.results {
		if !needed[id] && r.todo.pending[id] == nil {
			delete(r.results, id)
			r.engine.store.unpin(r.tenant, res)
			any = true
		}
	}
	return any
}

// end lets go of everything.
func (r *run) end() {
	for id, res := range r.results {
		delete(r.results, id)
		r.engine.store.unpin(r.tenant, res)
	}
}

// rest writes down what nodes show whose results were there although this run
// had no reason to visit them: outputs list every node with ui data (protocol
// note 4.6).
func (r *run) rest() error {
	for _, v := range r.graph.nodes {
		r.found(v.id)
		if res := r.shown[v.id]; res != nil && !r.told[v.id] {
			x := r.executed(v, res)
			x.Silent = true
			if _, err := r.out.Executed(r.ctx, x); err != nil && settee.CodeOf(err) != settee.CodeNotFound {
				return err
			}
		}
	}
	return nil
}

func (r *run) now() int64 { return r.engine.now().UnixMilli() }

// event sends an event about the job; pairs are further keys and values.
func (r *run) event(kind string, pairs ...any) error {
	return r.out.Event(r.ctx, settee.Event{Type: kind, Data: r.data(pairs...)})
}

// data is an object with the prompt's id, keys in their order.
func (r *run) data(pairs ...any) json.RawMessage { return data(r.job.PromptID, pairs...) }

func data(promptID string, pairs ...any) json.RawMessage {
	b := []byte(`{"prompt_id":` + quoted(promptID))
	for pair := range slices.Chunk(pairs, 2) {
		value, err := json.Marshal(pair[1])
		if err != nil {
			panic(err) // texts, numbers and lists of them
		}
		b = append(b, ","+quoted(pair[0].(string))+":"...)
		b = append(b, value...)
	}
	return append(b, '}')
}

// state sends a progress_state, when one is due.
func (r *run) state(last bool) error {
	e, due := r.states.frame(r.engine.now(), last)
	if !due {
		return nil
	}
	return r.out.Event(r.ctx, e)
}

// pinned finds the file that a node's input means.
func (r *run) pinned(id, input string) *settee.JobInput {
	for i := range r.job.Inputs {
		if in := &r.job.Inputs[i]; in.Node == id && in.Input == input {
			return in
		}
	}
	return nil
}
