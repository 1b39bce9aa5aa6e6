package cli

import (
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// tracker follows a job by its events: which of the graph's nodes are done and
// what the running one does.
type tracker struct {
	graph   *workflow.Graph
	started bool
	done    map[string]bool
	cached  int    // of done
	node    string // the running one, "" before and after
	value   float64
	max     float64 // the running node's own steps, 0 when it counts none
}

func newTracker(g *workflow.Graph) *tracker { return &tracker{graph: g, done: map[string]bool{}} }

// nodeState is a node in progress_state (protocol note 2.3).
type nodeState struct {
	Value   float64 `json:"value"`
	Max     float64 `json:"max"`
	State   string  `json:"state"`
	Display string  `json:"display_node_id"`
}

// hear takes an event in; true when another node runs now.
func (t *tracker) hear(e client.Event) (next bool) {
	var d struct {
		Node    string               `json:"node"`
		Display string               `json:"display_node"`
		Value   float64              `json:"value"`
		Max     float64              `json:"max"`
		Cached  []string             `json:"-"`
		Nodes   json.RawMessage      `json:"nodes"`
		States  map[string]nodeState `json:"-"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return false
	}
	switch e.Type {
	case settee.EventStart: // a second one comes when the job's worker was lost
		t.started, t.node, t.cached = true, "", 0
		clear(t.done)
	case settee.EventCached:
		if json.Unmarshal(d.Nodes, &d.Cached) != nil {
			return false
		}
		for _, id := range d.Cached {
			t.finish(id)
		}
		t.cached = len(t.done)
	case settee.EventExecuting:
		id := d.Display
		if id == "" {
			id = d.Node
		}
		return t.turn(id)
	case settee.EventProgress:
		t.turn(d.Node)
		t.value, t.max = d.Value, d.Max
	case settee.EventState:
		if json.Unmarshal(d.Nodes, &d.States) != nil {
			return false
		}
		for id, state := range d.States {
			if state.State == "finished" && (state.Display == "" || state.Display == id) {
				t.finish(id)
			}
			if state.State == "running" && state.Max > 1 && (id == t.node || state.Display == t.node) {
				t.value, t.max = state.Value, state.Max
			}
		}
	case settee.EventExecuted:
		t.finish(d.Node)
	}
	return false
}

// turn makes id the running node. The one before it is done: a server that
// sends no progress_state says so in no other way.
func (t *tracker) turn(id string) bool {
	if id == t.node {
		return false
	}
	if t.node != "" {
		t.finish(t.node)
	}
	t.node, t.value, t.max = id, 0, 0
	return id != ""
}

func (t *tracker) finish(id string) {
	if t.graph.Node(id) != nil {
		t.done[id] = true
	}
}

// doing names the running node and its steps, "" when it counts none.
func (t *tracker) doing() (title, steps string) {
	switch {
	case !t.started:
		return "waiting", ""
	case t.node == "":
		return "running", ""
	}
	if t.max > 1 {
		steps = fmt.Sprintf("%.0f/%.0f", t.value, t.max)
	}
	return line(t.graph.Title(t.node)), steps
}
