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

// newObjectInfo makes one set of definitions of those of several variants: each
// class as the first of them has it, byte for byte, but a list of options goes
// on with what only later ones offer.
func newObjectInfo(variants ...[]byte) (*objectInfo, error) {
	type entry struct {
		base  []byte // of the variant that has it first
		first pyjson.Value
		later []pyjson.Value // definitions that are others
	}
	var names []string
	entries := map[string]*entry{}
	for _, definitions := range variants {
		root, err := pyjson.Parse(definitions)
		if err != nil {
			return nil, err
		}
		if root.Kind != pyjson.Object {
			return nil, errors.New("node definitions are an object by class name")
		}
		for _, class := range root.Members() {
			switch e := entries[class.Key]; {
			case e == nil:
				names = append(names, class.Key)
				entries[class.Key] = &entry{base: definitions, first: class.Value}
			case !bytes.Equal(e.first.Raw(), class.Value.Raw()):
				e.later = append(e.later, class.Value)
			}
		}
	}
	info := &objectInfo{}
	for _, name := range names {
		e := entries[name]
		info.classes = append(info.classes, define(name, e.base, e.first, e.later))
	}
	return info, nil
}

// define cuts a class's definition where files go, and lengthens its lists of
// options by what later definitions of it offer.
func define(name string, text []byte, class pyjson.Value, later []pyjson.Value) definition {
	d := definition{name: name}
	var piece []byte // since the last hole
	at := class.Start
	take := func(to int) {
		if piece == nil {
			piece = text[at:to:to]
		} else {
			piece = append(piece, text[at:to]...)
		}
		at = to
	}
	for _, section := range []string{"required", "optional"} {
		for _, input := range class.Get("input").Get(section).Members() {
			if list, h, ok := fileChoice(name, input.Value); ok {
				take(list.Start)
				d.pieces, piece = append(d.pieces, piece), nil
				d.holes = append(d.holes, h)
				at = list.End
				continue
			}
			list := options(input.Value)
			if more := lacking(list, section, input.Key, later); more != nil {
				take(list.End - 1)
				piece = append(piece, more...)
			}
		}
	}
	take(class.End)
	d.pieces = append(d.pieces, piece)
	return d
}

// options is the list that an input's spec offers: the first element of a V1
// combo, or the options of a V3 one; no array for other inputs.
func options(spec pyjson.Value) pyjson.Value {
	list := spec.Index(0)
	if list.Kind != pyjson.Array {
		list = spec.Index(1).Get("options")
	}
	return list
}

// lacking is what must be written before the end of a list of options so that it
// has those of the same input in later definitions; nil when nothing must.
func lacking(list pyjson.Value, section, input string, later []pyjson.Value) []byte {
	if list.Kind != pyjson.Array || len(later) == 0 {
		return nil
	}
	var more []byte
	seen := map[string]bool{}
	for option := range list.Items() {
		seen[string(option.Raw())] = true
	}
	for _, class := range later {
		for option := range options(class.Get("input").Get(section).Get(input)).Items() {
			if raw := string(option.Raw()); !seen[raw] {
				if len(seen) > 0 {
					more = append(more, ", "...)
				}
				seen[raw] = true
				more = append(more, raw...)
			}
		}
	}
	return more
}

// fileChoice finds the list of file names in an input's spec.
func fileChoice(class string, spec pyjson.Value) (list pyjson.Value, h hole, ok bool) {
	settings := spec.Index(1)
	for _, u := range uploads {
		if string(settings.Get(u.option).Raw()) == "true" {
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
	if settings.Get("image_folder").Text() == string(settee.Output) {
		h.folder = settee.Output
	}
	list = options(spec)
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
