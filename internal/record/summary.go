package record

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// Summary is what lists show of a job's outputs.
type Summary struct {
	Count   int             // entries with a file or text
	Preview json.RawMessage // one entry, with nodeId and mediaType; nil when none
	Media   string          // kinds of files: "image,video"
}

// Add takes a node's output into the summary. The preview is the first saved
// visual file, else the first visual one.
func (s *Summary) Add(x engine.Executed, name func(k, i int) settee.File) {
	for k, key := range x.Output {
		for i, e := range key.Entries {
			switch {
			case e.New != nil || e.Old != nil:
				s.Count++
				s.show(key.Name, x.DisplayNode, name(k, i))
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
	s.Preview = file(f, members(object(field{"nodeId", text(node)}, field{"mediaType", text(media)})))
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
