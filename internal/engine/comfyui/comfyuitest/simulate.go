package comfyuitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// fakes are the node classes that exist for tests. All but FakeNumber are
// output nodes.
//
//	FakeWait     runs until Release(name), or until it is interrupted unless stubborn is true
//	FakeRaise    raises kind with text; times > 0: only in the first so many runs; unless: a file, only where it is not, and makes it
//	FakeProgress sends value 1 to steps, with a picture each
//	FakeText     shows text
//	FakeFile     writes content under type, subfolder and name, and lists it under key
//	FakeSilent   shows text without being an output node
//	FakeSleep    takes seconds
//	FakeVideo    writes size bytes of the Pattern of seed
//	FakeDie      ends the process, where Options allow it
//	FakeMachine  waits until number processes run one with this meeting place, a folder, and tells about its own
const fakes = `
"FakeWait": {"input": {"required": {"name": ["STRING"]}, "optional": {"stubborn": ["BOOLEAN"]}}, "output": [], "name": "FakeWait", "output_node": true},
"FakeRaise": {"input": {"required": {"kind": ["STRING"], "text": ["STRING"]}, "optional": {"times": ["INT"], "unless": ["STRING"]}, "hidden": {"prompt": "PROMPT", "auth_token": "AUTH_TOKEN_COMFY_ORG"}}, "output": [], "name": "FakeRaise", "output_node": true},
"FakeProgress": {"input": {"required": {"steps": ["INT"]}}, "output": [], "name": "FakeProgress", "output_node": true},
"FakeText": {"input": {"required": {"text": ["STRING"]}}, "output": ["STRING"], "name": "FakeText", "output_node": true},
"FakeSilent": {"input": {"required": {"text": ["STRING"]}}, "output": ["STRING"], "name": "FakeSilent", "output_node": false},
"FakeFile": {"input": {"required": {"key": ["STRING"], "name": ["STRING"], "content": ["STRING"]}, "optional": {"type": ["STRING"], "subfolder": ["STRING"]}}, "output": [], "name": "FakeFile", "output_node": true},
"FakeBlocked": {"input": {"required": {}}, "output": [], "name": "FakeBlocked", "output_node": true},
"FakeSleep": {"input": {"required": {"seconds": ["FLOAT"]}, "optional": {"images": ["IMAGE"]}}, "output": ["IMAGE"], "name": "FakeSleep", "output_node": false},
"FakeVideo": {"input": {"required": {"seed": ["INT"], "size": ["INT"]}}, "output": [], "name": "FakeVideo", "output_node": true},
"FakeDie": {"input": {"required": {"name": ["STRING"]}}, "output": [], "name": "FakeDie", "output_node": true},
"FakeMachine": {"input": {"required": {"meet": ["STRING"], "number": ["INT"]}}, "output": [], "name": "FakeMachine", "output_node": true}`

// Definitions are object_info of all that the server knows.
func Definitions() []byte { return definitions() }

var (
	definitions = sync.OnceValue(func() []byte {
		core, custom := bytes.TrimSpace(recording.ObjectInfo()), bytes.TrimSpace(recording.RecordingNodes())
		out := append([]byte{}, core[:len(core)-1]...)
		out = append(append(out, ','), custom[1:len(custom)-1]...)
		return append(append(append(out, ','), fakes...), '}')
	})
	isOutput = sync.OnceValue(func() map[string]bool {
		all := map[string]bool{}
		for _, m := range pyjson.Of(string(definitions())).Members() {
			all[m.Key] = m.Value.Get("output_node").Truthy()
		}
		return all
	})
)

// Lack has the server know all classes but these from now on, as one does that
// was started again without them.
func (s *Server) Lack(classes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacking = classes
}

func (s *Server) objectInfo(w http.ResponseWriter, r *http.Request) {
	only := r.PathValue("class")
	s.mu.Lock()
	lacking := s.lacking
	if only == "" {
		s.log.Described++
	}
	s.mu.Unlock()
	info := Definitions()
	if only != "" {
		info = []byte(`{`)
		if def := pyjson.Of(string(Definitions())).Get(only); def.Kind != pyjson.Absent && !slices.Contains(lacking, only) {
			info = append(append(append(info, quote(only)...), ": "...), def.Raw()...)
		}
		info = append(info, '}')
	} else if len(lacking) > 0 {
		all := []byte{'{'}
		for _, m := range pyjson.Of(string(info)).Members() {
			if !slices.Contains(lacking, m.Key) {
				all = append(append(append(append(all, quote(m.Key)...), ':'), m.Value.Raw()...), ',')
			}
		}
		info = append(all[:len(all)-1], '}')
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(info)
}

// result is what the cache keeps of a node.
type result struct{ ui, node string }

// Release lets FakeWait nodes of that name end.
func (s *Server) Release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate(name))
	delete(s.gates, name)
}

// gate is what FakeWait nodes of a name wait for. The caller holds mu.
func (s *Server) gate(name string) chan struct{} {
	g, ok := s.gates[name]
	if !ok {
		g = make(chan struct{})
		s.gates[name] = g
	}
	return g
}

// graphOf reads a prompt's nodes.
func graphOf(raw []byte) (map[string]pyjson.Value, error) {
	v, err := pyjson.Parse(raw)
	if err != nil {
		return nil, err
	}
	all := map[string]pyjson.Value{}
	for _, m := range v.Members() {
		all[m.Key] = m.Value
	}
	return all, nil
}

// validate refuses unknown classes and missing files of loaders, and picks the
// outputs (protocol note 3). The caller holds mu.
func (s *Server) validate(body pyjson.Value) (outputs []string, refusal string) {
	refuse := func(kind, message string, errors string) string {
		return fmt.Sprintf(`{"error": {"type": %s, "message": %s, "details": "", "extra_info": {}}, "node_errors": {%s}}`, quote(kind), quote(message), errors)
	}
	targets := map[string]bool{}
	for t := range body.Get("partial_execution_targets").Items() {
		targets[t.Text()] = true
	}
	if s.trusting {
		return slices.Sorted(maps.Keys(targets)), ""
	}
	known := isOutput()
	for _, m := range body.Get("prompt").Members() {
		class := m.Value.Get("class_type").Text()
		output, ok := known[class]
		if !ok || slices.Contains(s.lacking, class) {
			return nil, refuse("invalid_prompt", "Cannot execute because node "+class+" does not exist.", "")
		}
		if strings.HasPrefix(class, "LoadImage") {
			name := m.Value.Get("inputs").Get("image").Text()
			if _, ok := s.find(inputFile(name)); !ok {
				return nil, refuse("prompt_outputs_failed_validation", "Prompt outputs failed validation", quote(m.Key)+
					`: {"errors": [{"type": "custom_validation_failed", "message": "Custom validation failed for node", "details": `+quote("image - Invalid image file: "+name)+`, "extra_info": {}}], "dependent_outputs": [], "class_type": `+quote(class)+`}`)
			}
		}
		if output && (len(targets) == 0 || targets[m.Key]) {
			outputs = append(outputs, m.Key)
		}
	}
	if len(outputs) == 0 {
		return nil, refuse("prompt_no_outputs", "Prompt has no outputs", "")
	}
	return outputs, ""
}

func inputFile(name string) File {
	for _, t := range []string{"input", "output", "temp"} {
		if n, ok := strings.CutSuffix(name, " ["+t+"]"); ok {
			return File{Type: t, Filename: n}
		}
	}
	return File{Type: "input", Filename: name}
}

// simulate runs the nodes that the server knows, in an order that has sources
// before consumers, with ComfyUI's frames and cache.
func simulate(y *Play) {
	nodes, err := graphOf(y.p.graph)
	if err != nil {
		return
	}
	y.Say("execution_start", "")
	keys := map[string]string{}
	var keyOf func(id string) string
	keyOf = func(id string) string {
		if k, ok := keys[id]; ok {
			return k
		}
		class := nodes[id].Get("class_type").Text()
		k := class
		if class == "FakeWait" || class == "FakeRaise" || class == "FakeProgress" {
			k += " " + y.p.id + " " + id // never equal to itself
		}
		members := nodes[id].Get("inputs").Members()
		for _, in := range members {
			v := in.Value
			if v.Kind == pyjson.Array && v.Len() == 2 {
				k += "|" + in.Key + "=(" + keyOf(v.Index(0).Text()) + ")"
			} else {
				k += "|" + in.Key + "=" + pyjson.Repr(v)
			}
		}
		keys[id] = k
		return k
	}
	y.s.mu.Lock()
	before := y.s.cache
	kept := map[string]result{}
	var cached []string
	for _, m := range pyjson.Of(string(y.p.graph)).Members() {
		if r, ok := before[keyOf(m.Key)]; ok {
			cached = append(cached, m.Key)
			kept[keyOf(m.Key)] = r
		}
	}
	y.s.cache = kept
	y.s.mu.Unlock()
	list, _ := json.Marshal(append([]string{}, cached...))
	y.Say("execution_cached", `, "nodes": `+string(list))
	done, known := map[string]bool{}, map[string]bool{}
	for _, id := range cached {
		known[id] = true
	}
	var visit func(id string) bool
	visit = func(id string) bool {
		if done[id] {
			return true
		}
		for _, in := range nodes[id].Get("inputs").Members() {
			if in.Value.Kind == pyjson.Array && in.Value.Len() == 2 {
				// Cached ancestors are not visited; nor are those of a cached node.
				source := in.Value.Index(0).Text()
				if _, ok := kept[keyOf(id)]; !ok && !known[source] && !visit(source) {
					return false
				}
			}
		}
		done[id] = true
		if r, ok := kept[keyOf(id)]; ok {
			y.Show(id, r.ui, r.node)
			y.Progress(id, "finished", "1", "1")
			return true
		}
		ui, ok := y.node(id, nodes[id])
		if ok {
			y.s.mu.Lock()
			kept[keyOf(id)] = result{ui, id}
			y.s.mu.Unlock()
		}
		return ok
	}
	for _, out := range y.p.outputs {
		if !visit(out) {
			return
		}
	}
	for _, id := range cached { // stored, though nobody asked for it
		if !done[id] && !y.newer() {
			y.keep(id, kept[keyOf(id)].ui, kept[keyOf(id)].node)
		}
	}
	y.Say("execution_success", "")
}
