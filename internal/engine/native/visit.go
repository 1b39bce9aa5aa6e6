package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
)

// visit takes a node that is ready: shows its result again when it is there,
// else runs it. It waits when it turned out to need more.
func (r *run) visit(v *vertex) (waits bool, err error) {
	if res := r.found(v.id); res != nil {
		again, err := r.again(v, res)
		if again || err != nil {
			return false, err
		}
	}
	if waits := r.missing(v); waits {
		return true, nil
	}
	r.states.start(v.id)
	if err := r.state(false); err != nil {
		return false, err
	}
	if err := r.out.Event(r.ctx, settee.Event{Type: settee.EventExecuting, Data: json.RawMessage(
		`{"node":` + quoted(v.id) + `,"display_node":` + quoted(v.id) + `,"prompt_id":` + quoted(r.job.PromptID) + `}`)}); err != nil {
		return false, err
	}
	if v.class == nil {
		return false, r.failed(v, nil, node.Raise("KeyError", "'%s'", v.kind))
	}
	call := r.call(v)
	defer call.end()
	if more, err := call.wanted(); err != nil {
		return false, r.failed(v, call, err)
	} else if len(more) > 0 {
		for _, source := range more {
			r.todo.wait(v.id, source)
		}
		return true, nil
	}
	res, err := call.finish()
	if err != nil {
		return false, r.failed(v, call, err)
	}
	return false, r.finished(v, res)
}

// missing makes the node wait for sources whose results have gone (a store
// under pressure lets go of what was cached).
func (r *run) missing(v *vertex) bool {
	waits := false
	for i := range v.inputs {
		w := &v.inputs[i]
		if w.linked && !w.lazy() && r.found(w.from) == nil && r.graph.byID[w.from] != nil {
			r.todo.wait(v.id, w.from)
			waits = true
		}
	}
	return waits
}

// again shows a cached node's output. False when its files are gone: then it
// must run.
func (r *run) again(v *vertex, res *result) (bool, error) {
	if _, err := r.out.Executed(r.ctx, r.executed(v, res)); err != nil {
		if settee.CodeOf(err) != settee.CodeNotFound {
			return false, err
		}
		r.engine.store.forget(res)
		r.engine.store.unpin(r.tenant, res)
		delete(r.results, v.id)
		delete(r.shown, v.id)
		return false, nil
	}
	r.told[v.id] = true
	r.states.finish(v.id)
	return true, r.state(false)
}

// executed is what a node with that result tells.
func (r *run) executed(v *vertex, res *result) engine.Executed {
	x := engine.Executed{Node: v.id, DisplayNode: v.id, RealNode: v.id, Output: res.ui, Null: len(res.ui) == 0}
	if res.maker != v.id {
		x.MetaNode = res.maker
	}
	return x
}

// finished keeps a new result and tells what the node shows.
func (r *run) finished(v *vertex, res *result) error {
	if len(res.ui) > 0 {
		named, err := r.out.Executed(r.ctx, r.executed(v, res))
		if err != nil {
			r.engine.store.unpin(r.tenant, res)
			return err
		}
		r.told[v.id] = true
		if res.ui, err = names(res.ui, named); err != nil {
			r.engine.store.unpin(r.tenant, res)
			return err
		}
	}
	r.engine.store.publish(res)
	r.keep(v.id, res)
	r.ran = append(r.ran, v.id)
	r.states.finish(v.id)
	return r.state(false)
}

// names puts the final names of new files into a ui output.
func names(ui []engine.Key, named json.RawMessage) ([]engine.Key, error) {
	var final map[string][]json.RawMessage
	if err := json.Unmarshal(named, &final); err != nil {
		return nil, fmt.Errorf("read the names of the files: %w", err)
	}
	ui = slices.Clone(ui)
	for k, key := range ui {
		ui[k].Entries = slices.Clone(key.Entries)
		for i, e := range key.Entries {
			if e.New == nil {
				continue
			}
			if i >= len(final[key.Name]) {
				return nil, errors.New("a file came back without a name")
			}
			old := &settee.File{}
			if err := json.Unmarshal(final[key.Name][i], old); err != nil {
				return nil, fmt.Errorf("read the name of a file: %w", err)
			}
			ui[k].Entries[i] = engine.Entry{Old: old, JSON: e.JSON}
		}
	}
	return ui, nil
}
