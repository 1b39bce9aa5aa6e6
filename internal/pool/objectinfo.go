package pool

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
)

// objectInfo is a set of definitions cut where an account's files go.
type objectInfo struct{ classes []definition }

// definition is one class's text, in pieces with a hole between each two.
type definition struct {
	name   string
	pieces [][]byte
	holes  []hole
}

// hole is where a list of file names belongs.
type hole struct {
	folder settee.FileType
	media  []string // prefixes of the MIME types that are listed; nil: all
}

// uploads are the options that mark an input as a choice of files.
var uploads = []struct {
	option string
	media  []string
}{
	{"image_upload", []string{"image/"}},
	{"animated_image_upload", []string{"image/"}},
	{"video_upload", []string{"video/", "image/gif", "image/webp", "image/apng"}},
	{"audio_upload", []string{"audio/", "video/"}},
}

func newObjectInfo(definitions []byte) (*objectInfo, error) {
	root, err := pyjson.Parse(definitions)
	if err != nil {
		return nil, err
	}
	if root.Kind != pyjson.Object {
		return nil, errors.New("node definitions are an object by class name")
	}
	info := &objectInfo{}
	for _, class := range root.Members() {
		d := definition{name: class.Key}
		at := class.Value.Start
		for _, section := range []string{"required", "optional"} {
			for _, input := range class.Value.Get("input").Get(section).Members() {
				list, h, ok := fileChoice(class.Key, input.Value)
				if !ok {
					continue
				}
				d.pieces = append(d.pieces, definitions[at:list.Start])
				d.holes = append(d.holes, h)
				at = list.End
			}
		}
		d.pieces = append(d.pieces, definitions[at:class.Value.End])
		info.classes = append(info.classes, d)
	}
	return info, nil
}

// fileChoice finds the list of file names in an input's spec: the first element
// of a V1 combo, or the options of a V3 one.
func fileChoice(class string, spec pyjson.Value) (list pyjson.Value, h hole, ok bool) {
	options := spec.Index(1)
	for _, u := range uploads {
		if string(options.Get(u.option).Raw()) == "true" {
			h, ok = hole{folder: settee.Input, media: u.media}, true
			break
		}
	}
	if !ok {
		return list, h, false
	}
	if class == "LoadImageMask" {
		h.media = nil // this class lists every file of the folder
	}
	if options.Get("image_folder").Text() == string(settee.Output) {
		h.folder = settee.Output
	}
	list = spec.Index(0)
	if list.Kind != pyjson.Array {
		list = options.Get("options")
	}
	return list, h, list.Kind == pyjson.Array
}

// write puts the class and its definition, as a member of an object.
func (d definition) write(out *bytes.Buffer, files map[settee.FileType][]settee.Asset) {
	writeText(out, d.name)
	out.WriteByte(':')
	for i, piece := range d.pieces {
		out.Write(piece)
		if i < len(d.holes) {
			d.holes[i].write(out, files)
		}
	}
}

// writeText writes a string as JSON.
func writeText(out *bytes.Buffer, s string) {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string can be written
	}
	out.Write(text)
}

// write lists the names of the top level of the hole's folder, sorted.
func (h hole) write(out *bytes.Buffer, files map[settee.FileType][]settee.Asset) {
	var names []string
	for _, a := range files[h.folder] {
		if a.File.Subfolder == "" && h.takes(a.MIME) {
			names = append(names, a.File.Filename)
		}
	}
	slices.Sort(names)
	out.WriteByte('[')
	for i, name := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		writeText(out, name)
	}
	out.WriteByte(']')
}

func (h hole) takes(mime string) bool {
	return h.media == nil || slices.ContainsFunc(h.media, func(prefix string) bool { return strings.HasPrefix(mime, prefix) })
}
