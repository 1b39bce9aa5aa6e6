package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/workflow"
)

// running is one run of a workflow on a server.
type running struct {
	*run
	p      *Program
	client *client.Client
	graph  *workflow.Graph
	id     string // the prompt id
	begun  time.Time
}

// do submits, shows, saves and tells how it ended.
func (r *running) do(ctx context.Context) error {
	session := uuid.NewString()
	listener, err := r.client.Listen(ctx, session)
	switch {
	case client.StatusOf(err) == 401, client.StatusOf(err) == 403, ctx.Err() != nil:
		return err
	case err != nil: // without a socket there is no progress, but there is an end
		fmt.Fprintf(r.p.Err, "no progress will be shown: %s\n", printable(err.Error()))
	default:
		defer listener.Close()
	}
	r.begun = r.p.Now()
	r.id = uuid.NewString() // known beforehand, so that an interrupted submit can be cancelled
	receipt, err := r.client.Submit(ctx, client.Submission{
		Prompt: r.graph.Raw, ExtraData: r.extra(), PromptID: r.id, ClientID: session,
	})
	if err != nil {
		if ctx.Err() != nil {
			return r.abandon(ctx, err)
		}
		return r.p.refused(err, r.graph, r.JSON)
	}
	r.id = receipt.PromptID
	for _, text := range nodeLines(receipt.NodeErrors, r.graph) {
		fmt.Fprintf(r.p.Err, "left out: %s\n", text)
	}
	show := r.p.display(r.graph, r.JSON)
	show.submitted(receipt)
	wait := r.client.Wait
	if listener != nil {
		wait = listener.Wait
	}
	job, err := wait(ctx, r.id, show.hear)
	show.close()
	if err != nil {
		return r.abandon(ctx, err)
	}
	return r.conclude(ctx, job)
}

// extra is the job's extra_data, nil when there is nothing to say.
func (r *running) extra() json.RawMessage {
	if r.PartnerKey == "" {
		return nil
	}
	text, err := json.Marshal(map[string]string{"api_key_comfy_org": r.PartnerKey})
	if err != nil { // a map of strings always has a form
		panic(err)
	}
	return text
}

// Times of abandoning.
const (
	cancelTime = 10 * time.Second // to ask the server
	endTime    = 5 * time.Second  // for the job to end
)

// abandon cancels the job when the command was told to stop, and waits a moment
// for its end. Any other err is given back.
func (r *running) abandon(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	state, known := r.cancel(context.WithoutCancel(ctx))
	fmt.Fprintf(r.p.Err, "%s; job %s: %s\n", cause, line(r.id), state)
	if r.JSON {
		r.p.emit("result", result{PromptID: r.id, Status: known, Seconds: r.seconds(), Outputs: []string{}})
	}
	if stop, ok := errors.AsType[*Interrupted](cause); ok {
		return stop
	}
	return &quiet{codeFailed}
}

// cancel asks for the job's end; it says what came of it, and the job's state
// as far as it is known.
func (r *running) cancel(ctx context.Context) (string, settee.JobState) {
	asking, cancel := context.WithTimeout(ctx, cancelTime)
	defer cancel()
	_, err := r.client.Cancel(asking, r.id)
	switch {
	case client.StatusOf(err) == 404:
		return "never came to be", settee.Cancelled
	case err != nil:
		return "not cancelled: " + printable(err.Error()), settee.InProgress
	}
	ending, done := context.WithTimeout(asking, endTime)
	defer done()
	job, err := r.client.Wait(ending, r.id, nil)
	if err != nil {
		return "cancel asked for", settee.InProgress
	}
	return string(job.State), job.State
}

// result is the last event of --json.
type result struct {
	PromptID string                 `json:"prompt_id"`
	Status   settee.JobState        `json:"status"`
	Seconds  float64                `json:"seconds"`
	Outputs  []string               `json:"outputs"` // paths of saved files
	Error    *client.ExecutionError `json:"error,omitempty"`
}

func (r *running) seconds() float64 { return r.p.Now().Sub(r.begun).Seconds() }

// conclude saves what the job made, also before it failed, and tells how it
// ended.
func (r *running) conclude(ctx context.Context, job *client.Job) error {
	paths, err := r.save(ctx, job.Outputs)
	if r.JSON {
		r.p.emit("result", result{r.id, job.State, r.seconds(), paths, job.Error})
	}
	switch {
	case job.State == settee.Completed && err == nil:
		fmt.Fprintf(r.p.Err, "completed in %s\n", span(r.p.Now().Sub(r.begun)))
		return nil
	case job.State == settee.Completed:
		return err
	case err != nil:
		fmt.Fprintf(r.p.Err, "settee: %s\n", printable(err.Error()))
	}
	if job.State == settee.Cancelled {
		return fmt.Errorf("job %s was cancelled", r.id)
	}
	if why := blame(job.Error, r.graph); why != "" {
		return errors.New(why)
	}
	return fmt.Errorf("job %s failed", r.id)
}

// save puts every output file below the output folder and prints its path;
// texts are printed. One file that cannot be had does not stop the others.
func (r *running) save(ctx context.Context, outputs client.Outputs) (paths []string, err error) {
	paths = []string{}
	for _, text := range outputs.Texts() {
		if r.JSON {
			r.p.emit("text", map[string]string{"node": text.Node, "text": text.Text})
			continue
		}
		fmt.Fprintf(r.p.Out, "node %s %q: %s\n", line(text.Node), line(r.graph.Title(text.Node)), printable(text.Text))
	}
	files := outputs.Files()
	if len(files) == 0 {
		return paths, nil
	}
	to, err := newSaver(r.OutputDir)
	if err != nil {
		return paths, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	for _, f := range files {
		done, failed := to.save(ctx, r.client, f.File)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s of node %s: %w", f.File.Filename, f.Node, failed))
			continue
		}
		paths = append(paths, done.path)
		if r.JSON {
			r.p.emit("saved", map[string]any{"node": f.Node, "key": f.Key, "file": f.File, "path": done.path})
			continue
		}
		fmt.Fprintln(r.p.Out, done.path)
		if done.remark != "" {
			fmt.Fprintf(r.p.Err, "  (%s)\n", done.remark)
		}
	}
	return paths, err
}
