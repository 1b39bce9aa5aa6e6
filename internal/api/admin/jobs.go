package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
)

// job is a job as operators read it: how it went, and nothing of what is in it.
type job struct {
	ID              string          `json:"id"`
	PromptID        string          `json:"prompt_id"`
	Account         string          `json:"account"` // name
	Status          settee.JobState `json:"status"`
	Reason          settee.Reason   `json:"reason,omitempty"`
	Number          settee.Number   `json:"number"`
	Lane            string          `json:"lane"`
	Attempt         int             `json:"attempt"`
	OutputsCount    int             `json:"outputs_count"`
	CancelRequested bool            `json:"cancel_requested"`
	CreatedAt       time.Time       `json:"created_at"`
	StartedAt       time.Time       `json:"started_at,omitzero"`
	EndedAt         time.Time       `json:"ended_at,omitzero"`
	Error           json.RawMessage `json:"error,omitempty"` // execution_error's data
}

func shownJob(j settee.Job, account string) job {
	return job{
		ID: j.ID, PromptID: j.PromptID, Account: account, Status: j.State, Reason: j.Reason, Number: j.Number, Lane: queue.Lane(j.Lane).Name(),
		Attempt: j.Attempt, OutputsCount: j.OutputsCount, CancelRequested: j.CancelRequested,
		CreatedAt: j.CreatedAt.UTC(), StartedAt: j.StartedAt.UTC(), EndedAt: j.EndedAt.UTC(), Error: j.Error,
	}
}

// Page sizes of listJobs.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

// listJobs answers a page of everybody's jobs, newest first: GET /admin/jobs.
func (a *API) listJobs(w http.ResponseWriter, r *http.Request) {
	f, err := filter(r.URL.Query())
	if err == nil && f.Account != "" {
		_, err = a.Accounts.Show(r.Context(), f.Account)
	}
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	all, total, err := a.Jobs.AllJobs(r.Context(), f)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	names, err := a.names(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	shown := make([]job, len(all))
	for i, j := range all {
		shown[i] = shownJob(j, names[j.AccountID])
	}
	type pagination struct {
		Offset  int  `json:"offset"`
		Limit   int  `json:"limit"`
		Total   int  `json:"total"`
		HasMore bool `json:"has_more"`
	}
	api.WriteJSON(w, http.StatusOK, struct {
		Jobs       []job      `json:"jobs"`
		Pagination pagination `json:"pagination"`
	}{shown, pagination{f.Offset, f.Limit, total, f.Offset+len(all) < total}})
}

func filter(q url.Values) (record.AdminFilter, error) {
	f := record.AdminFilter{Account: q.Get("account"), Limit: defaultLimit}
	var err error
	if f.Limit, err = number(q, "limit", defaultLimit, 1, maxLimit); err != nil {
		return f, err
	}
	if f.Offset, err = number(q, "offset", 0, 0, 1<<40); err != nil {
		return f, err
	}
	for word := range strings.SplitSeq(q.Get("status"), ",") {
		switch state := settee.JobState(strings.TrimSpace(word)); state {
		case "":
		case settee.Pending, settee.InProgress, settee.Completed, settee.Failed, settee.Cancelled:
			f.States = append(f.States, state)
		default:
			return f, settee.Faultf(settee.CodeInvalid, "The status must be of pending, in_progress, completed, failed and cancelled.")
		}
	}
	return f, nil
}

func number(q url.Values, name string, without, least, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return without, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, settee.Faultf(settee.CodeInvalid, "The %s must be a number from %d to %d.", name, least, most)
	}
	return n, nil
}

// showJob answers a job, named by its id or prompt id: GET /admin/jobs/{id}.
func (a *API) showJob(w http.ResponseWriter, r *http.Request) {
	found, err := a.Jobs.AnyJob(r.Context(), api.Param(r, "id"))
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	names, err := a.names(r.Context())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, shownJob(found, names[found.AccountID]))
}

// cancelJob cancels a job of any account: POST /admin/jobs/{id}/cancel. False
// means that it had ended.
func (a *API) cancelJob(w http.ResponseWriter, r *http.Request) {
	found, err := a.Jobs.AnyJob(r.Context(), api.Param(r, "id"))
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	done, err := a.Jobs.Cancel(r.Context(), found.AccountID, found.PromptID)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, struct {
		Cancelled bool `json:"cancelled"`
	}{done})
}
