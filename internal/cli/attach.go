package cli

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// attachment is an input that names a file which lies beside the workflow.
type attachment struct {
	class, input string
	value        pyjson.Value // the name in the graph
	name         string       // below the folder, with slashes
}

// loaders are the core classes that name files, for servers that do not tell
// their definitions.
var loaders = map[string]string{"LoadImage": "image", "LoadImageMask": "image", "LoadAudio": "audio", "LoadVideo": "file"}

// candidates finds what may be a file beside the workflow. Names that lead out
// of the folder, links that lead out of it too, and names in other folders of
// the server are none.
func candidates(g *workflow.Graph, beside *os.Root) []attachment {
	var all []attachment
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if in.Value.Kind != pyjson.String {
				continue
			}
			name := strings.TrimSuffix(in.Value.Text(), " [input]")
			if !filepath.IsLocal(filepath.FromSlash(name)) {
				continue
			}
			if info, err := beside.Stat(filepath.FromSlash(name)); err != nil || !info.Mode().IsRegular() {
				continue
			}
			all = append(all, attachment{class: n.Class, input: in.Name, value: in.Value, name: path.Clean(name)})
		}
	}
	return all
}

// attach uploads the files beside the workflow that its loaders name, and gives
// the graph with the names the server gave them.
func attach(ctx context.Context, c *client.Client, known *definitions, g *workflow.Graph, folder string, say func(string)) (*workflow.Graph, error) {
	beside, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = beside.Close() }() // nothing was written
	found := candidates(g, beside)
	var classes []string
	for _, a := range found {
		classes = append(classes, a.class)
	}
	known.learn(ctx, classes...)
	var edits []settee.Edit
	names := map[string]string{}
	for _, a := range found {
		if !a.loads(known) {
			continue
		}
		reference, ok := names[a.name]
		if !ok {
			if reference, err = upload(ctx, c, beside, a.name); err != nil {
				return nil, fmt.Errorf("upload of %s: %w", a.name, err)
			}
			names[a.name] = reference
			say("uploaded " + line(a.name) + renamed(a.name, reference))
		}
		if reference != strings.TrimSuffix(a.value.Text(), " [input]") {
			edits = append(edits, settee.Edit{Start: a.value.Start, End: a.value.End, Text: string(pyjson.Quote(reference))})
		}
	}
	if len(edits) == 0 {
		return g, nil
	}
	slices.SortFunc(edits, func(a, b settee.Edit) int { return a.Start - b.Start })
	return workflow.Parse(workflow.Apply(g.Raw, edits, true))
}

// loads reports whether the input is one that names a file.
func (a attachment) loads(known *definitions) bool {
	if class := known.class(a.class); class != nil {
		declared := declaration(class, a.input)
		return declared != nil && declared.File() != ""
	}
	return known.silent && loaders[a.class] == a.input
}

func renamed(name, reference string) string {
	if name == reference {
		return ""
	}
	return " as " + line(reference)
}

func upload(ctx context.Context, c *client.Client, beside *os.Root, name string) (string, error) {
	f, err := beside.Open(filepath.FromSlash(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	folder := path.Dir(name)
	if folder == "." {
		folder = ""
	}
	uploaded, err := c.Upload(ctx, client.Upload{
		File:    settee.File{Filename: path.Base(name), Subfolder: folder, Type: settee.Input},
		Content: f,
		Size:    info.Size(),
	})
	if err != nil {
		return "", err
	}
	return uploaded.Reference(), nil
}
