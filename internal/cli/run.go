package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

type run struct {
	File       string        `arg:"" help:"Workflow in API format, or a request with one as its prompt; - reads it from standard input."`
	Server     string        `help:"URL of a Settee or of Comfy Cloud; without it a server is started for this run." placeholder:"URL"`
	Key        string        `help:"API key for --server." placeholder:"KEY"`
	Set        []string      `help:"Change an input, e.g. 3.seed=42; may be repeated." placeholder:"NODE.INPUT=VALUE" sep:"none"`
	OutputDir  string        `help:"Folder for what the workflow makes." default:"./outputs" placeholder:"DIR"`
	JSON       bool          `name:"json" help:"Print NDJSON events; the last one is a result or an error."`
	Data       string        `help:"Data folder of the server started for this run; thrown away when not given." placeholder:"DIR"`
	Timeout    time.Duration `help:"Cancel the job when it is not done this long after its submit." placeholder:"TIME"`
	PartnerKey string        `help:"Key for partner nodes, sent with the job." placeholder:"KEY"`
}

func (c *run) Run(ctx context.Context, p *Program) (err error) {
	file, err := readWorkflow(p, c.File)
	if err != nil {
		return err
	}
	graph := file.graph
	for _, text := range c.Set { // before a server is started
		if _, err := assignTo(graph, text); err != nil {
			return err
		}
	}
	to, err := newSaver(c.OutputDir)
	if err != nil {
		return refuse("--output-dir %s: %s", c.OutputDir, err)
	}
	defer func() {
		if closed := to.close(); err == nil {
			err = closed
		}
	}()
	url, key := c.Server, c.Key
	var e *embedded
	if url == "" {
		var broken context.CancelCauseFunc
		ctx, broken = context.WithCancelCause(ctx)
		defer broken(nil)
		if e, err = p.embed(ctx, c.Data, broken); err != nil {
			return err
		}
		defer func() {
			if stopped := e.close(); stopped != nil {
				fmt.Fprintf(p.Err, "settee: the embedded server: %s\n", stopped)
			}
		}()
		url = e.server.URL()
		if key, err = e.server.Key(ctx); err != nil {
			return err
		}
	}
	server, err := client.New(url, key, client.WithUserAgent("settee/"+p.Version))
	if err != nil {
		return refuse("%s", err)
	}
	if e != nil {
		if err := e.ready(ctx, server); err != nil {
			return err
		}
	}
	known := &definitions{client: server}
	if graph, err = c.assign(ctx, known, graph); err != nil {
		return err
	}
	if file.folder != "" {
		if graph, err = attach(ctx, server, known, graph, file.folder, func(text string) { fmt.Fprintln(p.Err, text) }); err != nil {
			return err
		}
	}
	r := &running{run: c, p: p, client: server, graph: graph, extraData: file.extra, to: to}
	return r.do(ctx)
}

// assign does what --set asks for, in its order.
func (c *run) assign(ctx context.Context, known *definitions, g *workflow.Graph) (*workflow.Graph, error) {
	var todo []assignment
	var classes []string
	for _, text := range c.Set {
		a, err := assignTo(g, text)
		if err != nil {
			return nil, err
		}
		todo = append(todo, a)
		classes = append(classes, g.Node(a.node).Class)
	}
	if len(todo) > 0 {
		known.learn(ctx, classes...)
	}
	for _, a := range todo {
		edit, err := a.edit(g, known.class(g.Node(a.node).Class))
		if err != nil {
			return nil, err
		}
		changed := append(append(append([]byte(nil), g.Raw[:edit.Start]...), edit.Text...), g.Raw[edit.End:]...)
		if g, err = workflow.Parse(changed); err != nil {
			return nil, refuse("--set %s: %s", a.text, err)
		}
	}
	return g, nil
}
