package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee"
)

// Job is a job as its owner sees it. Outputs, Workflow and the execution's
// record are there in Job's answer only, not in Jobs'.
type Job struct {
	ID              string          `json:"id"` // the prompt id
	State           settee.JobState `json:"status"`
	CreatedAt       Time            `json:"create_time"`
	UpdatedAt       Time            `json:"update_time,omitzero"`
	StartedAt       Time            `json:"execution_start_time,omitzero"`
	EndedAt         Time            `json:"execution_end_time,omitzero"`
	OutputsCount    int             `json:"outputs_count,omitempty"`
	WorkflowID      string          `json:"workflow_id,omitempty"`
	PreviewOutput   json.RawMessage `json:"preview_output,omitempty"`
	Error           *ExecutionError `json:"execution_error,omitempty"`
	Outputs         Outputs         `json:"outputs,omitempty"`
	Workflow        json.RawMessage `json:"workflow,omitempty"`
	ExecutionStatus json.RawMessage `json:"execution_status,omitempty"`
	ExecutionMeta   json.RawMessage `json:"execution_meta,omitempty"`
}

// ExecutionError says which node of a job failed and why.
type ExecutionError struct {
	NodeID    string   `json:"node_id"`
	NodeType  string   `json:"node_type"`
	Type      string   `json:"exception_type"`
	Message   string   `json:"exception_message"` // may end in a newline
	Traceback []string `json:"traceback,omitempty"`
}

// Time reads the times of the API: a number of Unix milliseconds, or of seconds
// where it is less than 10¹¹, or RFC 3339. It writes milliseconds.
type Time struct{ time.Time }

// UnmarshalJSON reads a time; null is the zero time.
func (t *Time) UnmarshalJSON(raw []byte) error {
	t.Time = time.Time{}
	if string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		return json.Unmarshal(raw, &t.Time)
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return err
	}
	if n < 1e11 {
		n *= 1000
	}
	t.Time = time.UnixMilli(int64(n)).UTC()
	return nil
}

// MarshalJSON writes Unix milliseconds.
func (t Time) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, t.UnixMilli(), 10), nil }

// UnmarshalJSON reads a job and its status word in any dialect.
func (j *Job) UnmarshalJSON(raw []byte) error {
	type bare Job
	if err := json.Unmarshal(raw, (*bare)(j)); err != nil {
		return err
	}
	j.State = State(string(j.State))
	return nil
}

// Job asks for everything about a job. Servers without that path are asked for
// its history. (operationIds getJobDetail, getHistoryForPrompt)
func (c *Client) Job(ctx context.Context, promptID string) (*Job, error) {
	var job Job
	err := c.call(ctx, http.MethodGet, "/api/jobs/"+url.PathEscape(promptID), nil, nil, &job)
	if unrouted(err) {
		if past, olderErr := c.history(ctx, promptID); olderErr == nil {
			return past, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &job, nil
}

// Filter says which jobs Jobs lists, newest first unless it says otherwise.
type Filter struct {
	States     []settee.JobState // none: all
	WorkflowID string
	OutputType string // image, video or audio
	SortBy     string // create_time or execution_time
	Ascending  bool
	Limit      int // 0: the server's choice
	Offset     int
}

// Page is a part of a list.
type Page struct {
	Offset  int  `json:"offset"`
	Limit   int  `json:"limit"`
	Total   int  `json:"total"`
	HasMore bool `json:"has_more"`
}

// Jobs lists the caller's jobs. (operationId listJobs)
func (c *Client) Jobs(ctx context.Context, f Filter) ([]Job, Page, error) {
	query := url.Values{}
	set(query, "status", joined(f.States))
	set(query, "workflow_id", f.WorkflowID)
	set(query, "output_type", f.OutputType)
	set(query, "sort_by", f.SortBy)
	if f.Ascending {
		query.Set("sort_order", "asc")
	}
	setInt(query, "limit", f.Limit)
	setInt(query, "offset", f.Offset)
	var answer struct {
		Jobs       []Job `json:"jobs"`
		Pagination Page  `json:"pagination"`
	}
	err := c.call(ctx, http.MethodGet, "/api/jobs", query, nil, &answer)
	return answer.Jobs, answer.Pagination, err
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func setInt(query url.Values, name string, value int) {
	if value > 0 {
		query.Set(name, strconv.Itoa(value))
	}
}

func joined(states []settee.JobState) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}
