package comfyui

import (
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// meshKinds are the files that a viewer of three dimensions shows.
var meshKinds = []string{".glb", ".gltf", ".obj", ".fbx", ".stl", ".ply", ".usdz", ".splat", ".ksplat", ".spz"}

// meshes brings the models that a viewer names under "result" as plain text, a
// path in the output folder (protocol note 5, Preview3D). The text is the new
// name; the file itself is listed under "3d". A model that a user merely typed
// the name of could be anybody's, so only one written during this run is
// brought.
func (r *run) meshes(n node, x *engine.Executed, came *[]settee.File) error {
	i := slices.IndexFunc(x.Output, func(k engine.Key) bool { return k.Name == "result" })
	if i < 0 || len(x.Output[i].Entries) == 0 {
		return nil
	}
	var files []engine.Entry
	for k, entry := range x.Output[i].Entries {
		v, err := pyjson.Parse(entry.JSON)
		if err != nil || v.Kind != pyjson.String {
			continue
		}
		f := reference(v.Text())
		f.Type = settee.Output
		if !slices.Contains(meshKinds, strings.ToLower(path.Ext(f.Filename))) || f.Subfolder != "" && path.Clean("/"+f.Subfolder) != "/"+f.Subfolder {
			continue
		}
		if known, ok := r.collected[f]; ok {
			x.Output[i].Entries[k].JSON = pathOf(known.file)
			continue
		}
		made, err := r.mesh(n, f)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return err
		}
		name := settee.File{Filename: made.Name, Subfolder: made.Subfolder, Type: settee.Output}
		x.Output[i].Entries[k].JSON = pathOf(name)
		files = append(files, engine.Entry{New: made})
		*came = append(*came, f)
	}
	if len(files) > 0 {
		x.Output = append(x.Output, engine.Key{Name: "3d", Entries: files})
	}
	return nil
}

func pathOf(f settee.File) json.RawMessage { return pyjson.Quote(path.Join(f.Subfolder, f.Filename)) }

// mesh fetches a model, under a name that is this job's own.
func (r *run) mesh(n node, f settee.File) (*engine.NewFile, error) {
	if !n.fresh {
		return nil, errGone
	}
	content, d, err := r.e.open(r.files, f)
	if err != nil {
		return nil, err
	}
	content.Close()
	// Times of files are told in seconds; one of the same second may be older.
	if !d.modified.Truncate(time.Second).After(r.posted.Truncate(time.Second)) {
		return nil, errGone
	}
	made, err := r.fetch(f)
	if err != nil {
		return nil, err
	}
	made.Prefix, made.Suffix, made.Name = "", "", r.id[:8]+"-"+f.Filename
	return made, nil
}
