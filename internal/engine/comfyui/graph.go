package comfyui

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// MaxDeep is how many nodes may hang behind one another: ComfyUI walks a graph
// by recursion and Python ends it at 1,000.
const MaxDeep = 900

// saltInput is the extra constant input of output nodes that keeps accounts
// apart (protocol note 4.3).
const saltInput = "settee_account"

// graph is a job's graph on its way to ComfyUI.
type graph struct {
	raw   []byte
	nodes []graphNode
	index map[string]int
}

type graphNode struct {
	id, class string
	inputs    pyjson.Value
}

// readGraph refuses what is known to stop or kill ComfyUI (protocol note 7.1)
// with a *engine.Failure. Admission did so before; this is the last door.
func readGraph(job engine.Job) (*graph, error) {
	poison := func(node, class, message string) error { return refuse(job, node, class, "InvalidPrompt", message) }
	root, err := pyjson.Parse(job.Graph)
	if err != nil || root.Kind != pyjson.Object {
		return nil, poison("", "", "The workflow is not a JSON object.")
	}
	if extra, err := pyjson.Parse(job.ExtraData); err != nil || extra.Kind != pyjson.Object {
		return nil, poison("", "", "extra_data is not a JSON object.")
	}
	g := &graph{raw: job.Graph, index: map[string]int{}}
	for _, m := range root.Members() {
		f := m.Value.Fields("class_type", "inputs")
		n := graphNode{id: m.Key, class: f[0].Text(), inputs: f[1]}
		if f[0].Kind != pyjson.String || f[1].Kind != pyjson.Object {
			return nil, poison(m.Key, n.class, "A node without a class_type or without an object of inputs cannot be run.")
		}
		g.index[n.id] = len(g.nodes)
		g.nodes = append(g.nodes, n)
	}
	for _, id := range job.Outputs {
		if _, ok := g.index[id]; !ok {
			return nil, poison(id, "", "An output node is not in the workflow.")
		}
	}
	return g, g.depth(job)
}

// sources are the nodes that a node's inputs are linked to.
func (g *graph) sources(i int) (all []int, missing string) {
	for _, in := range g.nodes[i].inputs.Members() {
		id, _, ok := workflow.Link(in.Value)
		if !ok {
			continue
		}
		if s, ok := g.index[id]; ok {
			all = append(all, s)
		} else {
			missing = id
		}
	}
	return all, missing
}

// depth walks what the outputs need, without recursion: it refuses links to
// nowhere, circles, and chains of more than MaxDeep nodes.
func (g *graph) depth(job engine.Job) error {
	type step struct {
		node int
		rest []int
	}
	deep := make([]int, len(g.nodes)) // 0: not seen; -1: being walked
	for _, out := range job.Outputs {
		var path []step
		push := func(i int) error {
			if deep[i] != 0 {
				return nil
			}
			sources, missing := g.sources(i)
			if missing != "" {
				return refuse(job, g.nodes[i].id, g.nodes[i].class, "InvalidPrompt", fmt.Sprintf("The node is linked to node %s, which does not exist.", missing))
			}
			deep[i] = -1
			path = append(path, step{i, sources})
			return nil
		}
		if err := push(g.index[out]); err != nil {
			return err
		}
		for len(path) > 0 {
			top := &path[len(path)-1]
			if len(top.rest) > 0 {
				next := top.rest[0]
				top.rest = top.rest[1:]
				if deep[next] == -1 {
					return refuse(job, g.nodes[next].id, g.nodes[next].class, "DependencyCycleError", "Dependency cycle detected")
				}
				if err := push(next); err != nil {
					return err
				}
				continue
			}
			sources, _ := g.sources(top.node)
			deep[top.node] = 1
			for _, s := range sources {
				deep[top.node] = max(deep[top.node], deep[s]+1)
			}
			if n := g.nodes[top.node]; deep[top.node] > MaxDeep {
				return refuse(job, n.id, n.class, "RecursionError", fmt.Sprintf("The workflow is more than %d nodes deep; ComfyUI cannot run such a chain.", MaxDeep))
			}
			path = path[:len(path)-1]
		}
	}
	return nil
}

// send is the graph with staged names in place of the client's and the salt at
// every output node. names are by node and input.
func (g *graph) send(names map[[2]string]string, known *classes, outputs []string, salt string) []byte {
	var edits []settee.Edit
	quotedSalt := string(pyjson.Quote(salt))
	for _, n := range g.nodes {
		salted := known.get(n.class).output || slices.Contains(outputs, n.id)
		first := len(edits)
		for _, in := range n.inputs.Members() {
			if name, ok := names[[2]string{n.id, in.Key}]; ok {
				edits = append(edits, settee.Edit{Start: in.Value.Start, End: in.Value.End, Text: string(pyjson.Quote(name))})
			}
			if in.Key == saltInput {
				text := `""`
				if salted {
					text, salted = quotedSalt, false
				}
				edits = append(edits, settee.Edit{Start: in.Value.Start, End: in.Value.End, Text: text})
			}
		}
		if salted {
			text := string(pyjson.Quote(saltInput)) + ": " + quotedSalt
			if n.inputs.Len() > 0 {
				text += ", "
			}
			at := n.inputs.Start + 1
			edits = slices.Insert(edits, first, settee.Edit{Start: at, End: at, Text: text})
		}
	}
	slices.SortStableFunc(edits, func(a, b settee.Edit) int { return a.Start - b.Start })
	return workflow.Apply(g.raw, edits, true)
}

// body is what is posted to /prompt. Only the outputs that were accepted run.
func body(id, clientID string, prompt, extra []byte, outputs []string) []byte {
	targets, err := json.Marshal(outputs)
	if err != nil {
		panic(err) // strings only
	}
	out := make([]byte, 0, len(prompt)+len(extra)+len(targets)+200)
	out = append(out, `{"prompt_id": "`+id+`", "client_id": "`+clientID+`", "prompt": `...)
	out = append(append(out, prompt...), `, "extra_data": `...)
	out = append(append(out, extra...), `, "partial_execution_targets": `...)
	return append(append(out, targets...), '}')
}

// realNode is the node of the graph that an id belongs to: ephemeral ids begin
// with their parent's (protocol note 4.4).
func (g *graph) realNode(id string) (string, bool) {
	for {
		if _, ok := g.index[id]; ok {
			return id, true
		}
		i := lastDot(id)
		if i < 0 {
			return "", false
		}
		id = id[:i]
	}
}

func lastDot(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '.' {
			return i
		}
	}
	return -1
}
