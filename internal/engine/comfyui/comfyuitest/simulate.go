package comfyuitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// fakes are the node classes that exist for tests. All but FakeNumber are
// output nodes.
//
//	FakeWait     runs until Release(name), or until it is interrupted unless stubborn is true
//	FakeRaise    raises kind with text; times > 0: only in the first so many runs
//	FakeProgress sends value 1 to steps, with a picture each
//	FakeText     shows text
//	FakeFile     writes content under type, subfolder and name, and lists it under key
//	FakeSilent   shows text without being an output node
const fakes = `
"FakeWait": {"input": {"required": {"name": ["STRING"]}, "optional": {"stubborn": ["BOOLEAN"]}}, "output": [], "name": "FakeWait", "output_node": true},
"FakeRaise": {"input": {"required": {"kind": ["STRING"], "text": ["STRING"]}, "optional": {"times": ["INT"]}, "hidden": {"prompt": "PROMPT", "auth_token": "AUTH_TOKEN_COMFY_ORG"}}, "output": [], "name": "FakeRaise", "output_node": true},
"FakeProgress": {"input": {"required": {"steps": ["INT"]}}, "output": [], "name": "FakeProgress", "output_node": true},
"FakeText": {"input": {"required": {"text": ["STRING"]}}, "output": ["STRING"], "name": "FakeText", "output_node": true},
"FakeSilent": {"input": {"required": {"text": ["STRING"]}}, "output": ["STRING"], "name": "FakeSilent", "output_node": false},
"FakeFile": {"input": {"required": {"key": ["STRING"], "name": ["STRING"], "content": ["STRING"]}, "optional": {"type": ["STRING"], "subfolder": ["STRING"]}}, "output": [], "name": "FakeFile", "output_node": true},
"FakeBlocked": {"input": {"required": {}}, "output": [], "name": "FakeBlocked", "output_node": true}`

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
		if !ok {
			return nil, refuse("invalid_prompt", "Cannot execute because node "+class+" does not exist.", "")
		}
		if strings.HasPrefix(class, "LoadImage") {
			name := m.Value.Get("inputs").Get("image").Text()
			if _, ok := s.files[inputFile(name)]; !ok {
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
		if !done[id] {
			y.keep(id, kept[keyOf(id)].ui, kept[keyOf(id)].node)
		}
	}
	y.Say("execution_success", "")
}

// node runs one node; false ends the prompt.
func (y *Play) node(id string, n pyjson.Value) (ui string, ok bool) {
	class, in := n.Get("class_type").Text(), n.Get("inputs")
	select {
	case <-y.p.stop:
		if !in.Get("stubborn").Truthy() {
			y.Interrupted(id, class)
			return "", false
		}
	default:
	}
	y.Progress(id, "running", "0.0", "1.0")
	y.Send("executing", fmt.Sprintf(`{"node": %[1]s, "display_node": %[1]s, "prompt_id": %[2]s}`, quote(id), quote(y.p.id)))
	ui = "null"
	switch class {
	case "FakeWait":
		y.s.mu.Lock()
		gate := y.s.gate(in.Get("name").Text())
		y.s.mu.Unlock()
		stop := y.p.stop
		if in.Get("stubborn").Truthy() {
			stop = nil
		}
		select {
		case <-gate:
		case <-stop:
			y.Interrupted(id, class)
			return "", false
		}
	case "FakeRaise":
		if times := in.Get("times"); times.Kind != pyjson.Absent && y.Number > int(times.Big().Int64()) {
			break
		}
		graph := pyjson.Of(string(y.p.graph))
		y.Raise(id, class, in.Get("kind").Text(), in.Get("text").Text(),
			`{"text": [`+quote(in.Get("text").Text())+`], "prompt": [`+quote(pyjson.Repr(graph))+`], "auth_token": [`+quote(pyjson.Of(string(y.p.extra)).Get("auth_token_comfy_org").Text())+`]}`)
		return "", false
	case "FakeBlocked":
		y.Send("execution_error", fmt.Sprintf(`{"prompt_id": %s, "node_id": %s, "node_type": "FakeBlocked", "executed": [], "exception_message": "Execution Blocked: no", "exception_type": "ExecutionBlocked", "traceback": [], "current_inputs": [], "current_outputs": []}`, quote(y.p.id), quote(id)))
	case "FakeProgress":
		y.steps(id, int(in.Get("steps").Big().Int64()))
	case "FakeText", "FakeSilent":
		ui = `{"text": [` + quote(in.Get("text").Text()) + `]}`
	case "FakeFile":
		f := File{in.Get("type").Text(), in.Get("subfolder").Text(), in.Get("name").Text()}
		if f.Type == "" {
			f.Type = "output"
		}
		if f.Type != "input" {
			y.s.Write(f, []byte(in.Get("content").Text()))
		}
		ui = fmt.Sprintf(`{%s: [{"filename": %s, "subfolder": %s, "type": %s, "format": "x/y"}]}`, quote(in.Get("key").Text()), quote(f.Filename), quote(f.Subfolder), quote(f.Type))
	case "SaveImage", "PreviewImage":
		ui = y.picture(id, class, in)
	}
	if ui != "null" {
		y.Show(id, ui, id)
	}
	y.Progress(id, "finished", "1.0", "1.0")
	return ui, true
}

// steps sends a progress bar with a picture a step (protocol note 2.5).
func (y *Play) steps(id string, n int) {
	for i := 1; i <= n; i++ {
		y.Progress(id, "running", fmt.Sprint(i), fmt.Sprint(n))
		meta := fmt.Sprintf(`{"node_id": %[1]s, "prompt_id": %[2]s, "display_node_id": %[1]s, "parent_node_id": null, "real_node_id": %[1]s, "image_type": "image/jpeg"}`, quote(id), quote(y.p.id))
		frame := binary.BigEndian.AppendUint32(nil, 4)
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(meta)))
		y.SendBinary(append(append(frame, meta...), "\xff\xd8\xff picture"...))
		y.Send("progress", fmt.Sprintf(`{"value": %d, "max": %d, "prompt_id": %s, "node": %s}`, i, n, quote(y.p.id), quote(id)))
	}
}

// picture writes a PNG with the graph in it, under ComfyUI's names.
func (y *Play) picture(id, class string, in pyjson.Value) string {
	f := File{Type: "output"}
	prefix := in.Get("filename_prefix").Text()
	if prefix == "" {
		prefix = "ComfyUI"
	}
	y.s.mu.Lock()
	if class == "PreviewImage" {
		f.Type = "temp"
		if y.s.letters[id] == "" {
			sum := sha256.Sum256([]byte(fmt.Sprint(id, y.epoch, time.Now())))
			y.s.letters[id] = strings.Map(func(r rune) rune { return 'a' + r%16 }, hex.EncodeToString(sum[:])[:5])
		}
		prefix = "ComfyUI_temp_" + y.s.letters[id]
	}
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		f.Subfolder, prefix = prefix[:i], prefix[i+1:]
	}
	for n := 1; ; n++ {
		f.Filename = fmt.Sprintf("%s_%05d_.png", prefix, n)
		if _, ok := y.s.files[f]; !ok {
			break
		}
	}
	y.s.files[f] = Picture(string(pyjson.Dump(pyjson.Of(string(y.p.graph)))))
	y.s.mu.Unlock()
	return fmt.Sprintf(`{"images": [{"filename": %s, "subfolder": %s, "type": "%s"}]}`, quote(f.Filename), quote(f.Subfolder), f.Type)
}

// Picture is a PNG with a text under "prompt".
func Picture(prompt string) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 2, 2))); err != nil {
		panic(err)
	}
	chunk := append([]byte("tEXtprompt\x00"), prompt...)
	const head = 8 + 25 // signature and IHDR
	b := out.Bytes()
	text := binary.BigEndian.AppendUint32(append([]byte{}, b[:head]...), uint32(len(chunk)-4))
	text = append(text, chunk...)
	text = binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(chunk))
	return append(text, b[head:]...)
}
