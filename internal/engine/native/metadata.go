package native

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
)

// saved is the text that files of this run carry: the graph as clients read it,
// with is_changed where a node depends on a file (protocol note 4.3), then the
// keys of extra_pnginfo.
func (r *run) saved() ([]node.Metadata, error) {
	if r.metadata != nil {
		return r.metadata, nil
	}
	prompt, err := r.marked()
	if err != nil {
		return nil, err
	}
	all := []node.Metadata{{Key: "prompt", Text: prompt}}
	info := r.pngInfo()
	switch info.Kind {
	case pyjson.Absent, pyjson.Null:
	case pyjson.Object:
		for _, m := range info.Members() {
			all = append(all, node.Metadata{Key: m.Key, Text: string(pyjson.Dump(m.Value))})
		}
	default:
		return nil, node.Raise("TypeError", "extra_pnginfo is of type %s", info.TypeName())
	}
	r.metadata = all
	return all, nil
}

// marked is the graph's text with is_changed.
func (r *run) marked() (string, error) {
	root, err := pyjson.Parse(r.job.Prompt)
	if err != nil {
		return "", fmt.Errorf("read the graph: %w", err)
	}
	var out []byte
	at := 0
	for _, m := range root.Members() {
		v := r.graph.byID[m.Key]
		if v == nil || v.class == nil || v.class.Prints == "" || m.Value.Kind != pyjson.Object || m.Value.Get("is_changed").Kind != pyjson.Absent {
			continue
		}
		mark, err := r.fingerprint(v)
		if err != nil {
			return "", err
		}
		end := m.Value.End - 1 // before the brace
		out = append(append(out, r.job.Prompt[at:end]...), `,"is_changed":`+mark...)
		at = end
	}
	out = append(out, r.job.Prompt[at:]...)
	doc, err := pyjson.Parse(out)
	if err != nil {
		return "", fmt.Errorf("mark the graph: %w", err)
	}
	return string(pyjson.Dump(doc)), nil
}

// fingerprint is the SHA-256 of the file that a node reads, as a list of one;
// NaN when there is no such file.
func (r *run) fingerprint(v *vertex) (string, error) {
	pin := r.pinned(v.id, v.class.Prints)
	if pin == nil {
		return "NaN", nil
	}
	sum, err := r.engine.prints.get(pin.Hash, func() (string, error) {
		f, err := r.out.Open(r.ctx, pin.Hash)
		if err != nil {
			return "", err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return "", err
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	})
	if err != nil {
		return "NaN", nil //nolint:nilerr // ComfyUI writes NaN where the file cannot be read
	}
	return `["` + sum + `"]`, nil
}
