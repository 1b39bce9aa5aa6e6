package workflow

import (
	"strings"

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

// wrongFile is what a class says of a file that is not there.
func wrongFile(kind, name string) string {
	if kind == "file" {
		return "Invalid file: " + name
	}
	return "Invalid " + kind + " file: " + name
}

// attribute is the exception of a file name that is no string.
func attribute(v pyjson.Value) error {
	return &pyjson.Exception{Type: "AttributeError", Text: "'" + v.TypeName() + "' object has no attribute 'endswith'"}
}
