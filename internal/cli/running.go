package cli

import (
	stdbytes "bytes"
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
	to     *saver
	id     string // the prompt id
	begun  time.Time

	extraData json.RawMessage // the file's own, an object; nil when it has none
}

// do submits, shows, saves and tells how it ended.
func (r *running) do(ctx context.Context) error {
	session := uuid.NewString()
	listener, err := r.client.Listen(ctx, session)
	switch {
	case client.StatusOf(err) == 401, client.StatusOf(err) == 403, unreachable(err), ctx.Err() != nil:
		return err
	case err != nil: // without a socket there is no progress, but there is an end
		fmt.Fprintf(r.p.Err, "no progress will be shown: %s\n", printable(err.Error()))
	default:
		defer listener.Close()
	}
	r.begun = r.p.Now()
	r.id = uuid.NewString() // known beforehand, so that an interrupted submit can be cancelled
	limited, stop := r.limit(ctx)
	defer stop()
	receipt, err := r.client.Submit(limited, client.Submission{
		Prompt: r.graph.Raw, ExtraData: r.extra(), PromptID: r.id, ClientID: session,
	})
	if err != nil {
		if limited.Err() != nil {
			return r.abandon(limited, err)
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
	job, err := wait(limited, r.id, show.hear)
	show.close()
	if err != nil {
		return r.abandon(limited, err)
	}
	return r.conclude(ctx, job)
}

// limit is ctx with the end that --timeout sets.
func (r *running) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("not done within %s (--timeout)", r.Timeout))
}

// extra is the job's extra_data, nil when there is nothing to say: the file's
// own bytes, and behind them the partner key, so that it counts.
func (r *running) extra() json.RawMessage {
	if r.PartnerKey == "" {
		return r.extraData
	}
	member, err := json.Marshal(map[string]string{"api_key_comfy_org": r.PartnerKey})
	if err != nil { // a map of strings always has a form
		panic(err)
	}
	body, _ := stdbytes.CutSuffix(stdbytes.TrimSpace(r.extraData), []byte("}"))
	if len(stdbytes.TrimSpace(body)) <= len("{") {
		return member
	}
	return append(append(stdbytes.Clone(body), ", "...), member[1:]...)
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
		return &told{stop}
	}
	return &told{&quiet{codeFailed}}
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
	Message  string                 `json:"message,omitempty"` // what could not be saved
}

func (r *running) seconds() float64 { return r.p.Now().Sub(r.begun).Seconds() }

// conclude saves what the job made, also before it failed, and tells how it
// ended.
func (r *running) conclude(ctx context.Context, job *client.Job) error {
	paths, err := r.save(ctx, job.Outputs)
	if r.JSON {
		done := result{PromptID: r.id, Status: job.State, Seconds: r.seconds(), Outputs: paths, Error: job.Error}
		if err != nil {
			done.Message = printable(err.Error())
		}
		r.p.emit("result", done)
	}
	if failed := r.verdict(job, err); failed != nil {
		return &told{failed}
	}
	fmt.Fprintf(r.p.Err, "completed in %s\n", span(r.p.Now().Sub(r.begun)))
	return nil
}

// verdict is why a job's run is no success; err is of saving.
func (r *running) verdict(job *client.Job, err error) error {
	switch {
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
	for _, f := range outputs.Files() {
		done, failed := r.to.save(ctx, r.client, f.File)
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
