package queue

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// FileName is the name a new file gets with a counter: ComfyUI's rule (protocol
// note 4.7).
func FileName(f engine.NewFile, counter int64) string {
	n := strconv.FormatInt(counter, 10)
	return f.Prefix + "_" + strings.Repeat("0", max(0, 5-len(n))) + n + f.Suffix
}

// CheckExecuted refuses a node's output that could not be shown: anything that
// is not JSON, or further keys that are no object.
func CheckExecuted(x engine.Executed) error {
	for _, k := range x.Output {
		for _, e := range k.Entries {
			if e.JSON == nil {
				continue
			}
			if !json.Valid(e.JSON) || (e.New != nil || e.Old != nil) && members(e.JSON) == nil {
				return settee.Faultf(settee.CodeInvalid, "an entry of %q of node %s is not JSON that can be shown", k.Name, x.Node)
			}
		}
	}
	return nil
}

// members are the bytes between an object's braces; nil when it is none.
func members(raw json.RawMessage) []byte {
	s := strings.TrimSpace(string(raw))
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil
	}
	return []byte(strings.TrimSpace(s[1 : len(s)-1]))
}

// Output is a node's ui output as JSON, keys in order. file says what the file
// of key k's entry i is called.
func Output(x engine.Executed, file func(k, i int) settee.File) json.RawMessage {
	if x.Null {
		return json.RawMessage("null")
	}
	var keys nodes
	for k, key := range x.Output {
		entries := []json.RawMessage{}
		for i, e := range key.Entries {
			entry := e.JSON
			if e.New != nil || e.Old != nil {
				entry = marshal(file(k, i))
				if more := members(e.JSON); len(more) > 0 {
					entry = append(append(append(entry[:len(entry)-1:len(entry)-1], ','), more...), '}')
				}
			}
			entries = append(entries, entry)
		}
		keys = append(keys, field{key.Name, array(entries)})
	}
	return object(keys...)
}

// ExecutedData is the data of an executed event, and its meta entry in history.
func ExecutedData(promptID string, x engine.Executed, output json.RawMessage) (data, meta json.RawMessage) {
	data = object(field{"node", text(x.Node)}, field{"display_node", text(x.DisplayNode)},
		field{"output", output}, field{"prompt_id", text(promptID)})
	parent := json.RawMessage("null")
	if x.ParentNode != "" {
		parent = text(x.ParentNode)
	}
	if x.MetaNode != "" { // a twin shows the node that ran
		x.Node, x.DisplayNode, x.RealNode = x.MetaNode, x.MetaNode, x.MetaNode
	}
	meta = object(field{"node_id", text(x.Node)}, field{"display_node", text(x.DisplayNode)},
		field{"parent_node", parent}, field{"real_node_id", text(x.RealNode)})
	return data, meta
}

// Summary is what lists show of a job's outputs.
type Summary struct {
	Count   int             // entries with a file or text
	Preview json.RawMessage // one entry, with nodeId and mediaType; nil when none
	Media   string          // kinds of files: "image,video"
}

// Add takes a node's output into the summary. The preview is the first saved
// visual file, else the first visual one.
func (s *Summary) Add(x engine.Executed, file func(k, i int) settee.File) {
	for k, key := range x.Output {
		for i, e := range key.Entries {
			switch {
			case e.New != nil || e.Old != nil:
				f := file(k, i)
				s.Count++
				s.show(key.Name, x.DisplayNode, f)
			case key.Name == "text":
				s.Count++
			}
		}
	}
}

func (s *Summary) show(key, node string, f settee.File) {
	kind := MediaKind(key, f.Filename)
	if kind == "" {
		return
	}
	if !strings.Contains(","+s.Media+",", ","+kind+",") {
		s.Media = strings.TrimPrefix(s.Media+","+kind, ",")
	}
	var shown settee.File
	_ = json.Unmarshal(s.Preview, &shown) // none yet: no type
	if shown.Type == settee.Output || shown.Type != "" && f.Type != settee.Output {
		return
	}
	media := kind
	if kind == "image" {
		media = "images"
	}
	entry := marshal(f)
	s.Preview = append(append(entry[:len(entry)-1:len(entry)-1], ','),
		members(object(field{"nodeId", text(node)}, field{"mediaType", text(media)}))...)
	s.Preview = append(s.Preview, '}')
}

// MediaKind is "image", "video", "audio" or "3d" by a file's extension, else by
// the key it was listed under; empty for what cannot be shown.
func MediaKind(key, filename string) string {
	switch strings.ToLower(path.Ext(filename)) {
	case ".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".svg", ".exr":
		return "image"
	case ".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v":
		return "video"
	case ".flac", ".mp3", ".opus", ".ogg", ".wav", ".m4a", ".aac":
		return "audio"
	case ".glb", ".gltf", ".obj", ".fbx", ".stl", ".usdz", ".ply":
		return "3d"
	case ".txt", ".json", ".latent", ".safetensors":
		return ""
	}
	switch key {
	case "images", "gifs":
		return "image"
	case "video", "audio", "3d":
		return key
	}
	return ""
}
