package cli

import (
	stdbytes "bytes"
	"encoding/json"
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

// workflowFile is a workflow as a file holds it.
type workflowFile struct {
	graph  *workflow.Graph
	extra  json.RawMessage // extra_data, an object, where the file is a whole request; else nil
	folder string          // where files beside it lie, "" for standard input
}

// readWorkflow reads a file, "-" being standard input.
func readWorkflow(p *Program, name string) (file workflowFile, err error) {
	in := p.In
	folder := ""
	if name == "-" {
		name = "the workflow"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return file, refuse("%s", err)
		}
		defer f.Close()
		in, folder = f, filepath.Dir(name)
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxWorkflow+1))
	if err != nil {
		return file, refuse("%s", err)
	}
	if len(raw) > maxWorkflow {
		return file, refuse("%s has more than %d MiB", name, maxWorkflow>>20)
	}
	file, err = parseWorkflow(name, stdbytes.TrimPrefix(raw, []byte("\uFEFF")))
	file.folder = folder
	return file, err
}

// parseWorkflow reads a graph, or a request of POST /prompt, whose prompt is
// one. A node of the id prompt has a class and a request's prompt has none.
func parseWorkflow(name string, raw []byte) (file workflowFile, err error) {
	root, err := pyjson.Parse(raw)
	if err != nil {
		return file, refuse("%s is not JSON: %s", name, err)
	}
	if prompt := root.Get("prompt"); prompt.Kind == pyjson.Object && prompt.Get("class_type").Kind == pyjson.Absent {
		switch extra := root.Get("extra_data"); extra.Kind {
		case pyjson.Object:
			file.extra = json.RawMessage(raw[extra.Start:extra.End])
		case pyjson.Absent, pyjson.Null:
		default:
			return file, refuse("%s: its extra_data is no object", name)
		}
		root, raw = prompt, raw[prompt.Start:prompt.End]
	}
	if root.Get("nodes").Kind == pyjson.Array && root.Get("links").Kind == pyjson.Array {
		return file, refuse(exported, name)
	}
	if file.graph, err = workflow.Parse(raw); err != nil {
		return file, refuse("%s: %s", name, err)
	}
	return file, nil
}
