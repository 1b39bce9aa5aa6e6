package comfyui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/workflow"
)

// Describe asks the server what it can run: definitions with their key order
// and without file choices, models by folder, devices, version.
func (e *Engine) Describe(ctx context.Context) (settee.Description, error) {
	if err := e.ready(ctx); err != nil {
		return settee.Description{}, err
	}
	e.current()
	info, err := e.server.get(ctx, "/object_info")
	if err != nil {
		return settee.Description{}, err
	}
	known, definitions, err := readClasses(info)
	if err != nil {
		return settee.Description{}, fmt.Errorf("GET /object_info: %w", err)
	}
	stats, err := e.server.get(ctx, "/system_stats")
	if err != nil {
		return settee.Description{}, err
	}
	models, err := e.models(ctx)
	if err != nil {
		return settee.Description{}, err
	}
	e.mu.Lock()
	e.classes = known
	e.mu.Unlock()
	devices := json.RawMessage("[]")
	if d := stats.Get("devices"); d.Kind == pyjson.Array {
		devices = pyjson.Strict(d)
	}
	return settee.Description{
		Engine:      "comfyui",
		Version:     stats.Get("system").Get("comfyui_version").Text(),
		Definitions: definitions,
		Models:      models,
		Devices:     devices,
		Depth:       e.opt.Depth,
	}, nil
}

// Class is what Describe would tell of one node class (engine.Classed).
func (e *Engine) Class(ctx context.Context, name string) (json.RawMessage, error) {
	info, err := e.server.get(ctx, "/object_info/"+url.PathEscape(name))
	if err != nil {
		return nil, err
	}
	_, definitions, err := readClasses(info)
	if err != nil {
		return nil, fmt.Errorf("GET /object_info: %w", err)
	}
	return pyjson.Of(string(definitions)).Get(name).Raw(), nil
}

// models lists the model files by folder. A server without the route has none
// to tell; newer ones leave out the folders that hold no models.
func (e *Engine) models(ctx context.Context) (json.RawMessage, error) {
	folders, err := e.server.get(ctx, "/models")
	if err != nil {
		if isStatus(err, http.StatusNotFound) {
			return json.RawMessage("{}"), nil
		}
		return nil, err
	}
	out := []byte{'{'}
	for f := range folders.Items() {
		if name := f.Text(); name == "configs" || name == "custom_nodes" {
			continue
		}
		files, err := e.server.get(ctx, "/models/"+url.PathEscape(f.Text()))
		if isStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, pyjson.Quote(f.Text())...), ':'), pyjson.Strict(files)...)
	}
	return append(out, '}'), nil
}

// classes are the facts about node classes that running a graph needs.
type classes struct{ byName map[string]class }

type class struct {
	output bool
	images bool              // it exists to send images over the socket
	hidden map[string]string // name of a hidden input to its kind: PROMPT, API_KEY_COMFY_ORG, …
}

func (c *classes) get(name string) class { return c.byName[name] }

// readClasses reads object_info and cuts the file choices out of it.
func readClasses(info pyjson.Value) (*classes, []byte, error) {
	if info.Kind != pyjson.Object || info.Len() == 0 {
		return nil, nil, fmt.Errorf("not node definitions: %.100s", info.Raw())
	}
	known := &classes{byName: map[string]class{}}
	var cuts []settee.Edit
	for _, m := range info.Members() {
		c := class{output: m.Value.Get("output_node").Truthy(), hidden: map[string]string{}}
		c.images = c.output && strings.Contains(strings.ToLower(m.Key), "websocket")
		in := m.Value.Get("input")
		for _, h := range in.Get("hidden").Members() {
			kind := h.Value
			if kind.Kind == pyjson.Array {
				kind = kind.Index(0)
			}
			c.hidden[h.Key] = kind.Text()
		}
		known.byName[m.Key] = c
		for _, section := range []string{"required", "optional"} {
			for _, d := range in.Get(section).Members() {
				if list, ok := fileChoices(m.Key, d); ok && list.Len() > 0 {
					cuts = append(cuts, settee.Edit{Start: list.Start, End: list.End, Text: "[]"})
				}
			}
		}
	}
	// The definitions leave as JSON that any reader takes, key order kept.
	cut := workflow.Apply(info.Raw(), shifted(cuts, -info.Start), true)
	v, err := pyjson.Parse(cut)
	if err != nil {
		return nil, nil, err
	}
	if !json.Valid(cut) {
		cut = pyjson.Strict(v)
	}
	return known, cut, nil
}

func shifted(edits []settee.Edit, by int) []settee.Edit {
	for i := range edits {
		edits[i].Start += by
		edits[i].End += by
	}
	return edits
}

// fileChoices is the list of files that an input offers: they are the
// account's, not the server's.
func fileChoices(class string, d pyjson.Member) (pyjson.Value, bool) {
	list, options := d.Value.Index(0), d.Value.Index(1)
	files := class == "LoadLatent" && d.Key == "latent"
	for _, o := range options.Members() {
		files = files || strings.HasSuffix(o.Key, "_upload") && o.Value.Truthy()
	}
	if !files {
		return list, false
	}
	if list.Kind != pyjson.Array {
		list = options.Get("options")
	}
	return list, list.Kind == pyjson.Array
}

// known gives the node classes, asking for them when they are not known yet.
func (e *Engine) known(ctx context.Context) (*classes, error) {
	e.mu.Lock()
	c := e.classes
	e.mu.Unlock()
	if c != nil {
		return c, nil
	}
	info, err := e.server.get(ctx, "/object_info")
	if err != nil {
		return nil, err
	}
	if c, _, err = readClasses(info); err != nil {
		return nil, fmt.Errorf("GET /object_info: %w", err)
	}
	e.mu.Lock()
	e.classes = c
	e.mu.Unlock()
	return c, nil
}
