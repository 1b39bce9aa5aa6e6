package cli

import (
	stdbytes "bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// maxWorkflow is how large a workflow's file may be; servers take less.
const maxWorkflow = 64 << 20

// exported tells how to get the other format.
const exported = `%s is a workflow as the editor saves it, with its drawing; the API runs the other format, API format.
Open it in ComfyUI and choose Workflow > Export (API) in the menu
(in older versions: Settings > Enable Dev mode Options, then "Save (API Format)"), and run the exported file.`

// readWorkflow reads a file, "-" being standard input; folder is where files
// beside it lie, "" for standard input.
func readWorkflow(p *Program, name string) (graph *workflow.Graph, folder string, err error) {
	in := p.In
	if name == "-" {
		name = "the workflow"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, "", refuse("%s", err)
		}
		defer f.Close()
		in, folder = f, filepath.Dir(name)
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxWorkflow+1))
	if err != nil {
		return nil, "", refuse("%s", err)
	}
	if len(raw) > maxWorkflow {
		return nil, "", refuse("%s has more than %d MiB", name, maxWorkflow>>20)
	}
	graph, err = parseWorkflow(name, stdbytes.TrimPrefix(raw, []byte("\uFEFF")))
	return graph, folder, err
}

func parseWorkflow(name string, raw []byte) (*workflow.Graph, error) {
	root, err := pyjson.Parse(raw)
	if err != nil {
		return nil, refuse("%s is not JSON: %s", name, err)
	}
	if root.Get("nodes").Kind == pyjson.Array && root.Get("links").Kind == pyjson.Array {
		return nil, refuse(exported, name)
	}
	graph, err := workflow.Parse(raw)
	if err != nil {
		return nil, refuse("%s: %s", name, err)
	}
	return graph, nil
}
