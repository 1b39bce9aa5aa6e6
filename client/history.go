package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/settee/settee"
)

// history reads an ended job from GET /api/history_v2/{id}, whose answer is
// keyed by the id or is the entry itself.
func (c *Client) history(ctx context.Context, promptID string) (*Job, error) {
	var answer json.RawMessage
	if err := c.call(ctx, http.MethodGet, "/api/history_v2/"+url.PathEscape(promptID), nil, nil, &answer); err != nil {
		return nil, err
	}
	var keyed map[string]json.RawMessage
	if err := json.Unmarshal(answer, &keyed); err != nil {
		return nil, err
	}
	raw, ok := keyed[promptID]
	if !ok {
		raw = answer
	}
	var entry struct {
		Outputs Outputs         `json:"outputs"`
		Status  json.RawMessage `json:"status"`
		Meta    json.RawMessage `json:"meta"`
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		return nil, err
	}
	if len(entry.Status) == 0 {
		return nil, &Error{Status: http.StatusNotFound, Code: "not_found", Message: "Job not found"}
	}
	job := &Job{ID: promptID, Outputs: entry.Outputs, ExecutionStatus: entry.Status, ExecutionMeta: entry.Meta}
	return job, job.ending(entry.Status)
}

// ending takes state, times and error from history's status. The messages tell
// how a run ended; status_str alone may lie.
func (j *Job) ending(status json.RawMessage) error {
	var s struct {
		Word      string               `json:"status_str"`
		Completed bool                 `json:"completed"`
		Messages  [][2]json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(status, &s); err != nil {
		return err
	}
	j.State = settee.Failed
	if s.Completed || s.Word == "success" {
		j.State = settee.Completed
	}
	for _, m := range s.Messages {
		var kind string
		if err := json.Unmarshal(m[0], &kind); err != nil {
			return err
		}
		var at struct {
			Timestamp Time `json:"timestamp"`
		}
		if err := json.Unmarshal(m[1], &at); err != nil {
			return err
		}
		switch kind {
		case settee.EventStart:
			j.StartedAt = at.Timestamp
		case settee.EventSuccess:
			j.State, j.EndedAt = settee.Completed, at.Timestamp
		case settee.EventInterrupted:
			j.State, j.EndedAt = settee.Cancelled, at.Timestamp
		case settee.EventError:
			j.State, j.EndedAt = settee.Failed, at.Timestamp
			j.Error = new(ExecutionError)
			if err := json.Unmarshal(m[1], j.Error); err != nil {
				return err
			}
		}
	}
	return nil
}
