package native

import (
	"context"
	"errors"
	"fmt"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/engine/native/pixel"
)

// call is a node that runs: its inputs gathered, its calls over their lists.
type call struct {
	run   *run
	v     *vertex
	in    map[string][]node.Value
	names []string        // of in, in the order of the graph
	gone  map[string]bool // inputs whose source has no result: lazy ones
	taken int64           // bytes asked for
	ui    []engine.Key
}

// call gathers a node's inputs: what links give, and the constants that the
// class knows. A link is passed on even when it does not (protocol note 4.4).
func (r *run) call(v *vertex) *call {
	c := &call{run: r, v: v, in: map[string][]node.Value{}, gone: map[string]bool{}}
	for i := range v.inputs {
		w := &v.inputs[i]
		switch {
		case w.linked:
			c.link(w)
		case w.known != nil:
			c.in[w.name] = []node.Value{node.Literal(w.value)}
		default:
			continue
		}
		c.names = append(c.names, w.name)
	}
	return c
}

func (c *call) link(w *wire) {
	res := c.run.found(w.from)
	if res == nil {
		c.gone[w.name] = true
		c.in[w.name] = []node.Value{nil}
		return
	}
	if w.slot >= 0 && w.slot < len(res.slots) {
		c.in[w.name] = res.slots[w.slot]
	}
}

// end gives back the memory that was asked for.
func (c *call) end() {
	c.run.engine.store.give(c.run.tenant, c.taken)
	c.taken = 0
}

func (c *call) take(n int64) error {
	if err := c.run.engine.store.take(c.run.tenant, n); err != nil {
		return err
	}
	c.taken += n
	return nil
}

// wanted names the sources of lazy inputs that the node asks for.
func (c *call) wanted() ([]string, error) {
	var lazy bool
	for i := range c.v.inputs {
		lazy = lazy || c.v.inputs[i].linked && c.v.inputs[i].lazy()
	}
	if !lazy {
		return nil, nil
	}
	asked := map[string]bool{}
	if c.v.class.NeedsInput == nil {
		for name := range c.gone {
			asked[name] = true
		}
	} else if _, err := c.mapped(func(n *node.Call) ([]node.Value, error) {
		names, err := c.v.class.NeedsInput(n)
		for _, name := range names {
			asked[name] = true
		}
		return nil, err
	}, false); err != nil {
		return nil, err
	}
	var sources []string
	for name := range asked {
		if _, given := c.in[name]; given && !c.gone[name] {
			continue
		}
		from := ""
		for i := range c.v.inputs {
			if c.v.inputs[i].name == name {
				from = c.v.inputs[i].from
			}
		}
		if c.run.graph.byID[from] == nil {
			return nil, node.Raise("NodeInputError", "Node %s says it needs input %s, but there is no input to that node at all", c.v.id, name)
		}
		sources = append(sources, from)
	}
	return sources, nil
}

// slots calls the node's function for every element and puts the results
// together, one list a slot.
func (c *call) slots() ([][]node.Value, error) {
	for _, name := range c.names {
		if c.v.class.Input(name) == nil {
			return nil, node.Raise("TypeError", "%s.%s() got an unexpected keyword argument '%s'", c.v.kind, c.function(), name)
		}
	}
	calls, err := c.mapped(c.v.class.Run, true)
	if err != nil {
		return nil, err
	}
	slots := make([][]node.Value, len(c.v.class.Outputs))
	for i, out := range c.v.class.Outputs {
		for _, values := range calls {
			if i >= len(values) {
				return nil, node.Raise("IndexError", "list index out of range")
			}
			v := node.Typed(out.Type, values[i])
			if list, ok := v.(node.List); ok && out.List {
				slots[i] = append(slots[i], list...)
			} else {
				slots[i] = append(slots[i], v)
			}
		}
	}
	return slots, nil
}

func (c *call) function() string {
	if c.v.class.Function == "" {
		return "execute"
	}
	return c.v.class.Function
}

// finish runs the node and makes what is kept of it.
func (c *call) finish() (*result, error) {
	slots, err := c.slots()
	if err != nil {
		return nil, err
	}
	res := &result{owner: c.run.tenant.owner, key: c.run.key(c.v), slots: slots, ui: c.ui, maker: c.v.id}
	for _, list := range slots {
		for _, v := range list {
			res.size += node.Size(v)
		}
	}
	c.end()
	c.run.engine.store.count(c.run.tenant, res)
	return res, nil
}

// mapped calls f once with all lists (InputIsList), once without inputs when
// all lists are empty, else once an element; a shorter list repeats its last.
func (c *call) mapped(f func(*node.Call) ([]node.Value, error), blocks bool) ([][]node.Value, error) {
	longest := 0
	for _, list := range c.in {
		longest = max(longest, len(list))
	}
	if c.v.class.InputIsList {
		values, err := c.once(f, c.in, blocks)
		return [][]node.Value{values}, err
	}
	if longest == 0 {
		values, err := c.once(f, map[string][]node.Value{}, blocks)
		return [][]node.Value{values}, err
	}
	var all [][]node.Value
	for i := range longest {
		in := make(map[string][]node.Value, len(c.in))
		for name, list := range c.in {
			if len(list) == 0 {
				return nil, node.Raise("IndexError", "list index out of range")
			}
			at := min(i, len(list)-1)
			in[name] = list[at : at+1]
		}
		values, err := c.once(f, in, blocks)
		if err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return all, nil
}

// once makes one call, unless a blocker is among its inputs or the job was
// asked to stop.
func (c *call) once(f func(*node.Call) ([]node.Value, error), in map[string][]node.Value, blocks bool) ([]node.Value, error) {
	if blocks {
		if b := c.blocker(in); b != nil {
			return c.everywhere(&node.Blocker{}), c.run.blocked(c.v, b)
		}
	}
	if err := c.run.ctx.Err(); err != nil {
		return nil, err
	}
	n := &node.Call{
		Work: pixel.Work{Context: c.run.ctx, Take: c.take}, Host: (*host)(c),
		NodeID: c.v.id, In: in, UI: c.ui,
	}
	before := c.taken
	values, err := guarded(n, f)
	c.ui = n.UI
	c.keep(before, values)
	if len(values) == 1 && len(c.v.class.Outputs) > 1 {
		if b, ok := values[0].(*node.Blocker); ok {
			values = c.everywhere(b)
		}
	}
	return values, err
}

// keep gives back what a call asked for beyond what it returned.
func (c *call) keep(before int64, values []node.Value) {
	for _, v := range values {
		before += node.Size(v)
	}
	if c.taken > before {
		c.run.engine.store.give(c.run.tenant, c.taken-before)
		c.taken = before
	}
}

func (c *call) blocker(in map[string][]node.Value) *node.Blocker {
	for _, name := range c.names {
		for _, v := range in[name] {
			if b, ok := v.(*node.Blocker); ok {
				return b
			}
		}
	}
	return nil
}

// everywhere is a blocker for each output.
func (c *call) everywhere(b *node.Blocker) []node.Value {
	values := make([]node.Value, len(c.v.class.Outputs))
	for i := range values {
		values[i] = b
	}
	return values
}

// panicked is a panic of a node's code.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprint(p.value) }

// guarded calls f and makes an error of a panic.
func guarded(n *node.Call, f func(*node.Call) ([]node.Value, error)) (out []node.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p}
		}
	}()
	return n.Do(f)
}

// outOfMemory is the exception of a job that asks for more than there is.
const outOfMemory = "OOMError"

// raised is an error as the exception that it becomes: its type, its text and
// what ComfyUI appends to it.
func raised(err error) (kind, text, tips string) {
	if p, ok := errors.AsType[*panicked](err); ok {
		return "PanicError", p.Error(), ""
	}
	if errors.Is(err, pixel.ErrTooLarge) {
		return outOfMemory, err.Error(), memoryTips
	}
	if e, ok := errors.AsType[*node.Error](err); ok {
		if e.Type == outOfMemory {
			return e.Type, e.Message, memoryTips
		}
		return e.Type, e.Message, ""
	}
	return "RuntimeError", err.Error(), ""
}

const memoryTips = "This job needs more memory than this worker has.\n\nIs a size or the batch_size larger than was meant?"

// stopped reports whether err comes of the job being asked to stop.
func (r *run) stopped(err error) bool {
	return r.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Cause(r.ctx)))
}
