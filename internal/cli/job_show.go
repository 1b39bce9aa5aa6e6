package cli

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

type jobShow struct {
	connection
	asJSON
	ID string `arg:"" name:"job" help:"The job's id."`
}

func (c *jobShow) Run(ctx context.Context, p *Program) error {
	server, err := c.dial(p)
	if err != nil {
		return err
	}
	job, err := server.Admin().Job(ctx, c.ID)
	switch {
	case err == nil:
		return c.operator(p, job)
	case ownOnly(err):
		own, ownErr := server.Job(ctx, c.ID)
		if ownErr != nil {
			return ownAnswer(err, ownErr)
		}
		return c.owner(p, own)
	}
	return err
}

// operator prints what an operator may see of a job.
func (c *jobShow) operator(p *Program, j client.AdminJob) error {
	if c.JSON {
		return document(p.Out, j)
	}
	cancel := ""
	if j.CancelRequested && !j.State.Terminal() {
		cancel = "asked"
	}
	return fields(p.Out,
		"job", j.PromptID, "account", j.Account, "status", string(j.State), "reason", string(j.Reason), "cancel", cancel,
		"number", j.Number.String(), "lane", j.Lane, "attempt", strconv.Itoa(j.Attempt),
		"created", moment(j.CreatedAt), "started", moment(j.StartedAt), "ended", moment(j.EndedAt), "took", took(p, j.StartedAt, j.EndedAt),
		"outputs", strconv.Itoa(j.OutputsCount), "error", blame(j.Error, nil), "id", j.ID)
}

// outputName is a file's name with its folder, and its type where that is not
// output.
func outputName(f settee.File) string {
	name := path.Join(f.Subfolder, f.Filename)
	if f.Type != settee.Output {
		name += " [" + string(f.Type) + "]"
	}
	return name
}

// owner prints a job and what it made.
func (c *jobShow) owner(p *Program, j *client.Job) error {
	if c.JSON {
		return document(p.Out, j)
	}
	err := fields(p.Out,
		"job", j.ID, "status", string(j.State), "created", moment(j.CreatedAt.Time), "started", moment(j.StartedAt.Time),
		"ended", moment(j.EndedAt.Time), "took", took(p, j.StartedAt.Time, j.EndedAt.Time), "error", blame(j.Error, nil))
	if err != nil {
		return err
	}
	for _, f := range j.Outputs.Files() {
		fmt.Fprintf(p.Out, "output  %s  node %s\n", line(outputName(f.File)), line(f.Node))
	}
	for _, text := range j.Outputs.Texts() {
		fmt.Fprintf(p.Out, "text    %s  node %s\n", line(text.Text), line(text.Node))
	}
	return nil
}
