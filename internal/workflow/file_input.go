package workflow

import (
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// latentLoaders names the one core class that checks a file without saying so
// in its definition.
var latentLoaders = map[string]string{"LoadLatent": "latent"}

// fileKind tells which inputs name files: those with an option …_upload that is
// on (LoadImage, LoadImageMask, LoadImageOutput, LoadVideo, LoadAudio, …). Their
// class checks the file itself, so their list of options does not bind.
func fileKind(class string, d *Declared) string {
	if latentLoaders[class] == d.Name {
		return d.Name
	}
	for _, o := range d.Options.Members() {
		if kind, ok := strings.CutSuffix(o.Key, "_upload"); ok && o.Value.Truthy() {
			return strings.TrimPrefix(kind, "animated_")
		}
	}
	return ""
}

// File tells what kind of file the input names ("image", "video", "audio", …);
// "" for inputs that name none.
func (d *Declared) File() string { return d.file }

// resolution is what is known of a file's name.
type resolution struct {
	blob settee.Blob
	ok   bool
}

// checkFiles looks for the files that a node names and pins those that are
// there. An empty name passes, as it does in ComfyUI: the folder is there.
func (j *judge) checkFiles(v *visit) error {
	for i := range v.class.Inputs {
		d := &v.class.Inputs[i]
		if d.file == "" || j.files == nil {
			continue
		}
		value := j.g.Nodes[v.node].Input(d.Name)
		if value.Kind == pyjson.Absent || value.Kind == pyjson.Array {
			continue
		}
		if inner := value.Get("__value__"); inner.Kind != pyjson.Absent {
			value = inner
		}
		if value, _ = convert(d.kind, value); value.Kind == pyjson.Absent {
			continue // said already
		}
		if value.Kind != pyjson.String {
			return raise("AttributeError", "'"+value.TypeName()+"' object has no attribute 'endswith'")
		}
		name := value.Text()
		if name == "" {
			continue
		}
		file, err := j.resolve(name)
		if err != nil {
			return err
		}
		if !file.ok {
			v.add(ValidationFailed, "Custom validation failed for node", d.Name+" - "+wrongFile(d.file, name), "input_name", quoted(d.Name))
			continue
		}
		j.inputs = append(j.inputs, settee.JobInput{Node: j.g.Nodes[v.node].ID, Input: d.Name, Reference: name, Hash: file.blob.Hash, Size: file.blob.Size})
	}
	return nil
}

// resolve asks for a name once. A name that no database can hold is nobody's.
func (j *judge) resolve(name string) (resolution, error) {
	if file, ok := j.resolved[name]; ok || !storable(name) {
		return file, nil
	}
	blob, ok, err := j.files.Resolve(j.ctx, name, settee.Input)
	if err != nil {
		return resolution{}, err
	}
	if j.resolved == nil {
		j.resolved = map[string]resolution{}
	}
	j.resolved[name] = resolution{blob, ok}
	return j.resolved[name], nil
}

// wrongFile is what a class says of a file that is not there.
func wrongFile(kind, name string) string {
	if kind == "file" {
		return "Invalid file: " + name
	}
	return "Invalid " + kind + " file: " + name
}
