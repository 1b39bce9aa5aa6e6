package comfyui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// keptKey is a file of ComfyUI's as one account may see it again.
type keptKey struct {
	account string
	file    settee.File
}

// kept is what became of such a file.
type kept struct {
	file settee.File // its final name
	node string      // whose output it was
}

// node is one node's ui output on its way out.
type node struct {
	id, display, parent, real string
	meta                      string // of history; "" when not known
	fresh                     bool   // it ran in this prompt: what ComfyUI has under its names is new
	silent                    bool
	output                    pyjson.Value
}

// deliver brings a node's files over and hands its output to the sink, once.
func (r *run) deliver(ctx context.Context, n node) error {
	if r.delivered[n.id] {
		return nil
	}
	x := engine.Executed{Node: n.id, DisplayNode: n.display, ParentNode: n.parent, RealNode: n.real, Silent: n.silent, MetaNode: n.meta}
	var came []settee.File   // ComfyUI's names of the new files, in their order
	var sign strings.Builder // what twins have in common
	old := false             // it shows files that have their names
	if n.output.Kind == pyjson.Object {
		for _, m := range n.output.Members() {
			key := engine.Key{Name: m.Key, Entries: []engine.Entry{}}
			items := []pyjson.Value{m.Value}
			if m.Value.Kind == pyjson.Array {
				items = items[:0]
				for item := range m.Value.Items() {
					items = append(items, item)
				}
			}
			for _, item := range items {
				e, from, err := r.entry(ctx, n, &x, item)
				if err != nil {
					return fmt.Errorf("output of node %s: %w", n.id, err)
				}
				if e.New != nil {
					came = append(came, from)
				}
				old = old || e.Old != nil
				fmt.Fprintf(&sign, "%s %v %s\n", m.Key, from, e.JSON)
				key.Entries = append(key.Entries, e)
			}
			x.Output = append(x.Output, key)
		}
	} else {
		x.Null = true
	}
	if err := r.meshes(n, &x, &came); err != nil {
		return fmt.Errorf("output of node %s: %w", n.id, err)
	}
	if x.MetaNode == "" && !n.fresh && !r.isCached(n) {
		x.MetaNode = r.twins[sign.String()]
	}
	if x.MetaNode == n.id {
		x.MetaNode = ""
	}
	if _, ok := r.twins[sign.String()]; !ok && !x.Null {
		r.twins[sign.String()] = n.id
	}
	r.delivered[n.id] = true
	if !old && r.isOutput(n) && r.complete() && r.awaitEnd(r.files) {
		// Until it has its names, its files stay where an equal prompt that follows
		// finds them.
		r.fetched = slices.DeleteFunc(r.fetched, func(f settee.File) bool { return slices.Contains(came, f) })
		return r.out.Last(ctx, x, func(final json.RawMessage) {
			if err := r.keep(n.id, x, final, came); err != nil {
				r.e.opt.Log.Warn("what ComfyUI has cached is not remembered", "error", err)
			}
			r.e.tidy.Go(func() { r.e.tidyFiles(came) })
		})
	}
	final, err := r.out.Executed(ctx, x)
	if settee.CodeOf(err) == settee.CodeNotFound {
		r.e.freeCache(ctx) // for the next attempt
	}
	if err != nil {
		return err
	}
	return r.keep(n.id, x, final, came)
}

// complete reports that all output nodes have been delivered, those too that were not
// asked for: one may show the files of another.
func (r *run) complete() bool {
	for id := range r.graph.index {
		if !r.delivered[id] && r.isOutput(node{id: id}) {
			return false
		}
	}
	return true
}

// entry makes one element of a ui list.
func (r *run) entry(ctx context.Context, n node, x *engine.Executed, item pyjson.Value) (engine.Entry, settee.File, error) {
	f, more, ok := r.fileOf(item)
	if !ok {
		return engine.Entry{JSON: r.terms.json(item)}, f, nil
	}
	if f.Type == settee.Input {
		ref, ours := r.inputs.clients[f.Filename]
		if !ours || f.Subfolder != "" {
			return engine.Entry{JSON: r.terms.json(item)}, f, nil // somebody's input: a name, no bytes
		}
		old := reference(ref)
		return engine.Entry{Old: &old, JSON: more}, f, nil
	}
	if old, ok := r.seen(n, f); ok {
		return old.entry(n, x, more), f, nil
	}
	if !n.fresh && !r.salted(n) {
		return engine.Entry{JSON: r.terms.json(item)}, f, nil // cached, and maybe for another account
	}
	made, err := r.fetch(f)
	if errors.Is(err, errGone) && !n.fresh {
		if old, ok := r.seen(n, f); ok { // it got its name meanwhile, and was removed
			return old.entry(n, x, more), f, nil
		}
		r.e.freeCache(ctx)
		return engine.Entry{}, f, fmt.Errorf("%s was cached but is not there any more", f.Filename)
	}
	if err != nil {
		return engine.Entry{}, f, fmt.Errorf("%s: %w", f.Filename, err)
	}
	return engine.Entry{New: made, JSON: more}, f, nil
}

// entry shows the file once more, in n's output x.
func (k kept) entry(n node, x *engine.Executed, more json.RawMessage) engine.Entry {
	if x.MetaNode == "" && k.node != n.id && !n.fresh {
		x.MetaNode = k.node
	}
	return engine.Entry{Old: &k.file, JSON: more}
}

// seen finds what became of a file before: in this run when its node did not
// run for itself (a twin), in an earlier one when it was cached.
func (r *run) seen(n node, f settee.File) (kept, bool) {
	if n.fresh {
		return kept{}, false
	}
	if k, ok := r.collected[f]; ok {
		return k, true
	}
	if !r.isCached(n) {
		return kept{}, false
	}
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	return r.e.kept.get(keptKey{r.job.AccountID, f})
}

// keep remembers the final names of new files.
func (r *run) keep(node string, x engine.Executed, final json.RawMessage, came []settee.File) error {
	if len(came) == 0 {
		return nil
	}
	v, err := pyjson.Parse(final)
	if err != nil {
		return fmt.Errorf("the named output of node %s: %w", x.Node, err)
	}
	i := 0
	for _, key := range x.Output {
		list := v.Get(key.Name)
		for k, e := range key.Entries {
			if e.New == nil {
				continue
			}
			var f settee.File
			if err := json.Unmarshal(list.Index(k).Raw(), &f); err != nil {
				return fmt.Errorf("the named output of node %s: %w", x.Node, err)
			}
			r.collected[came[i]] = kept{f, node}
			r.e.mu.Lock()
			r.e.kept.put(keptKey{r.job.AccountID, came[i]}, kept{f, node})
			r.e.mu.Unlock()
			i++
		}
	}
	return nil
}

// fileOf reads an entry as a file; more are its further keys, an object.
func (r *run) fileOf(item pyjson.Value) (f settee.File, more json.RawMessage, ok bool) {
	v := item.Fields("filename", "subfolder", "type")
	f = settee.File{Filename: v[0].Text(), Subfolder: strings.ReplaceAll(v[1].Text(), `\`, "/"), Type: settee.FileType(v[2].Text())}
	if v[2].Kind == pyjson.Absent {
		f.Type = settee.Output
	}
	if item.Kind != pyjson.Object || f.Filename == "" || path.Base(f.Filename) != f.Filename || f.Filename == ".." ||
		f.Subfolder != "" && (path.Clean("/"+f.Subfolder) != "/"+f.Subfolder) {
		return f, nil, false
	}
	switch f.Type {
	case settee.Input, settee.Output, settee.Temp:
	default:
		return f, nil, false
	}
	out := []byte{'{'}
	for _, m := range item.Members() {
		switch m.Key {
		case "filename", "subfolder", "type":
			continue
		case "fullpath": // of the machine
			continue
		case "id", "preview_id": // of the machine's asset database; another one each time
			if m.Value.Kind == pyjson.Null || uuid.Validate(m.Value.Text()) == nil {
				continue
			}
		}
		if len(out) > 1 {
			out = append(out, ", "...)
		}
		out = append(append(append(out, pyjson.Quote(m.Key)...), ": "...), r.terms.json(m.Value)...)
	}
	if len(out) == 1 {
		return f, nil, true
	}
	return f, append(out, '}'), true
}

var counted = regexp.MustCompile(`^(.*)_(\d{5,})(\D.*)?$`)

// fetch stores a file's bytes and asks for a name like the one it has.
func (r *run) fetch(f settee.File) (*engine.NewFile, error) {
	content, d, err := r.e.open(r.files, f)
	if errors.Is(err, errGone) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer content.Close()
	stored, err := r.out.Put(r.files, cleaned(f.Filename, content, r.job, r.salt))
	if err != nil {
		return nil, err
	}
	made := &engine.NewFile{Bytes: stored, Type: f.Type, Subfolder: f.Subfolder, Name: f.Filename, MIME: d.mime}
	if made.MIME == "" {
		made.MIME = "application/octet-stream"
	}
	if m := counted.FindStringSubmatch(f.Filename); m != nil {
		made.Name, made.Prefix, made.Suffix = "", m[1], m[3]
	}
	r.fetched = append(r.fetched, f)
	return made, nil
}

// tidyFiles removes what was collected, where that is possible: a file's final
// name is remembered, and ComfyUI slows as its folders fill.
func (e *Engine) tidyFiles(collected []settee.File) {
	for _, f := range collected {
		dir := e.folder(f.Type)
		if dir == "" {
			return
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return
		}
		root.Remove(path.Join(f.Subfolder, f.Filename)) //nolint:errcheck // it may be gone
		root.Close()
	}
}

// reference reads "dir/cat.png [output]" as a file.
func reference(s string) settee.File {
	f := settee.File{Type: settee.Input}
	for _, t := range []settee.FileType{settee.Input, settee.Output, settee.Temp} {
		if name, ok := strings.CutSuffix(s, " ["+string(t)+"]"); ok {
			s, f.Type = name, t
		}
	}
	dir, name := path.Split(s)
	f.Filename, f.Subfolder = name, strings.Trim(dir, "/")
	return f
}
