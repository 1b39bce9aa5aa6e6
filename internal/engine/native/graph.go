package native

import (
	"fmt"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// graph is a job's graph, ready to run.
type graph struct {
	nodes []*vertex // in the order they are written
	byID  map[string]*vertex
}

// vertex is a node of the graph.
type vertex struct {
	id     string
	kind   string // class_type
	class  *node.Class
	inputs []wire
	key    string // see key
	keyed  bool
}

// wire is an input: a link, or a constant.
type wire struct {
	name   string
	linked bool
	from   string // id of a link's source
	slot   int
	value  pyjson.Value
	known  *node.Input // nil when the class has no such input
}

// parse reads a job's graph. Nodes that nothing needs may be of any class and
// have broken links.
func (e *Engine) parse(job engine.Job) (*graph, error) {
	root, err := pyjson.Parse(job.Graph)
	if err != nil {
		return nil, fmt.Errorf("read the graph: %w", err)
	}
	g := &graph{byID: map[string]*vertex{}}
	for _, m := range root.Members() {
		v := &vertex{id: m.Key, kind: m.Value.Get("class_type").Text()}
		v.class = e.classes[v.kind]
		for _, in := range m.Value.Get("inputs").Members() {
			w := wire{name: in.Key, value: in.Value}
			if from, slot, ok := workflow.Link(in.Value); ok {
				w.from, w.slot, w.linked = from, slot, true
			}
			if v.class != nil {
				w.known = v.class.Input(in.Key)
			}
			v.inputs = append(v.inputs, w)
		}
		g.nodes = append(g.nodes, v)
		g.byID[v.id] = v
	}
	for _, id := range job.Outputs {
		if g.byID[id] == nil {
			return nil, fmt.Errorf("output node %q is not in the graph", id)
		}
	}
	return g, nil
}

// lazy reports whether the input is computed only on demand.
func (w *wire) lazy() bool { return w.known != nil && w.known.Lazy }
