package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

type jobList struct {
	connection
	asJSON
	Account string            `help:"Only jobs of this account." placeholder:"NAME"`
	Status  []settee.JobState `help:"Only jobs of these states: pending, in_progress, completed, failed, cancelled." placeholder:"STATE"`
	Limit   int               `help:"At most this many." default:"50"`
	Offset  int               `help:"Leave out the first ones."`
}

func (c *jobList) Run(ctx context.Context, p *Program) error {
	for _, state := range c.Status {
		if client.State(string(state)) != state {
			return refuse("--status %s: the states are pending, in_progress, completed, failed and cancelled", state)
		}
	}
	server, err := c.dial(p)
	if err != nil {
		return err
	}
	jobs, page, err := server.Admin().Jobs(ctx, client.AdminFilter{Account: c.Account, States: c.Status, Limit: c.Limit, Offset: c.Offset})
	switch {
	case err == nil:
		return c.all(p, jobs, page)
	case ownOnly(err) && c.Account == "":
		return c.own(ctx, p, server)
	}
	return err
}

// all prints jobs of all accounts.
func (c *jobList) all(p *Program, jobs []client.AdminJob, page client.Page) error {
	if c.JSON {
		return documents(p.Out, jobs)
	}
	rows := [][]string{{"JOB", "ACCOUNT", "STATUS", "CREATED", "TOOK", "OUTPUTS"}}
	for _, j := range jobs {
		status := string(j.State)
		if j.Reason != settee.ReasonNone && j.Reason != settee.ReasonError && j.Reason != settee.ReasonUser {
			status += " (" + string(j.Reason) + ")"
		}
		rows = append(rows, []string{j.PromptID, j.Account, status, moment(j.CreatedAt), took(p, j.StartedAt, j.EndedAt), strconv.Itoa(j.OutputsCount)})
	}
	return c.print(p, rows, page, len(jobs))
}

// own prints the jobs of the key's own account.
func (c *jobList) own(ctx context.Context, p *Program, server *client.Client) error {
	jobs, page, err := server.Jobs(ctx, client.Filter{States: c.Status, Limit: c.Limit, Offset: c.Offset})
	if err != nil {
		return err
	}
	if c.JSON {
		return documents(p.Out, jobs)
	}
	rows := [][]string{{"JOB", "STATUS", "CREATED", "TOOK", "OUTPUTS"}}
	for _, j := range jobs {
		rows = append(rows, []string{j.ID, string(j.State), moment(j.CreatedAt.Time), took(p, j.StartedAt.Time, j.EndedAt.Time), strconv.Itoa(j.OutputsCount)})
	}
	return c.print(p, rows, page, len(jobs))
}

func (c *jobList) print(p *Program, rows [][]string, page client.Page, shown int) error {
	if err := table(p.Out, rows); err != nil {
		return err
	}
	if page.HasMore {
		fmt.Fprintf(p.Err, "%d of %d; --offset %d shows more\n", shown, page.Total, c.Offset+shown)
	}
	return nil
}

// took is how long a job ran, or has run so far.
func took(p *Program, start, end time.Time) string {
	switch {
	case start.IsZero():
		return ""
	case end.IsZero():
		return span(p.Now().Sub(start))
	}
	return span(end.Sub(start))
}
