package cli

import (
	"context"
	"encoding/json"

	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// definitions are the server's node classes, as far as they were asked for. A
// server that does not tell them, or tells them in a way that cannot be
// understood, leaves the class unknown: what follows from it is the server's to
// refuse.
type definitions struct {
	client  *client.Client
	classes map[string]*workflow.Class // nil: asked, and unknown
	silent  bool                       // the server did not tell
}

// learn asks for classes that are not known yet.
func (d *definitions) learn(ctx context.Context, names ...string) {
	var missing []string
	for _, name := range names {
		if _, ok := d.classes[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 || d.silent {
		return
	}
	if d.classes == nil {
		d.classes = map[string]*workflow.Class{}
	}
	found, err := d.client.ObjectInfo(ctx, missing...)
	d.silent = err != nil
	for _, name := range missing {
		d.classes[name] = parseClass(name, found[name])
	}
}

func (d *definitions) class(name string) *workflow.Class { return d.classes[name] }

func parseClass(name string, definition json.RawMessage) *workflow.Class {
	if definition == nil {
		return nil
	}
	one, err := json.Marshal(map[string]json.RawMessage{name: definition})
	if err != nil {
		return nil
	}
	catalog, err := workflow.ParseCatalog(one)
	if err != nil {
		return nil
	}
	class, _ := catalog.Class(name)
	return class
}
